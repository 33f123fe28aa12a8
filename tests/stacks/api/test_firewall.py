from typing import Any

import pytest

from tests.stacks.api_stages import only

COMMON, BAD_INPUTS = "AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"

# Overrides of rules that a group lacks are ignored without an error.
# https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
RULES = {
    COMMON: [
        "NoUserAgent_HEADER",
        "UserAgent_BadBots_HEADER",
        "SizeRestrictions_QUERYSTRING",
        "SizeRestrictions_Cookie_HEADER",
        "SizeRestrictions_BODY",
        "SizeRestrictions_URIPATH",
        "EC2MetaDataSSRF_BODY",
        "EC2MetaDataSSRF_COOKIE",
        "EC2MetaDataSSRF_URIPATH",
        "EC2MetaDataSSRF_QUERYARGUMENTS",
        "GenericLFI_QUERYARGUMENTS",
        "GenericLFI_URIPATH",
        "GenericLFI_BODY",
        "RestrictedExtensions_URIPATH",
        "RestrictedExtensions_QUERYARGUMENTS",
        "GenericRFI_QUERYARGUMENTS",
        "GenericRFI_BODY",
        "GenericRFI_URIPATH",
        "CrossSiteScripting_COOKIE",
        "CrossSiteScripting_QUERYARGUMENTS",
        "CrossSiteScripting_BODY",
        "CrossSiteScripting_URIPATH",
    ],
    BAD_INPUTS: [
        "JavaDeserializationRCE_HEADER",
        "JavaDeserializationRCE_BODY",
        "JavaDeserializationRCE_URIPATH",
        "JavaDeserializationRCE_QUERYSTRING",
        "Host_localhost_HEADER",
        "PROPFIND_METHOD",
        "ExploitablePaths_URIPATH",
        "Log4JRCE_HEADER",
        "Log4JRCE_QUERYSTRING",
        "Log4JRCE_BODY",
        "Log4JRCE_URIPATH",
        "ReactJSRCE_BODY",
    ],
}


def statements(stage: Any) -> dict[str, Any]:
    acl = only(stage("prod"), "AWS::WAFv2::WebACL")
    return {rule["Name"]: rule["Statement"] for rule in acl["Rules"]}


def counted(stage: Any, group: str) -> set[str]:
    overrides = statements(stage)[group]["ManagedRuleGroupStatement"]["RuleActionOverrides"]
    return {it["Name"] for it in overrides if "Count" in it["ActionToUse"]}


def test_production_has_a_firewall(stage: Any) -> None:
    stage("prod").resource_count_is("AWS::WAFv2::WebACLAssociation", 1)
    stage("dev").resource_count_is("AWS::WAFv2::WebACL", 0)


@pytest.mark.parametrize("group", RULES)
def test_no_rule_on_bodies_blocks_a_tensor_or_a_prompt(stage: Any, group: str) -> None:
    on_bodies = {rule for rule in RULES[group] if rule.endswith("_BODY")}
    assert on_bodies <= counted(stage, group)


def test_a_client_that_sends_no_user_agent_is_not_blocked(stage: Any) -> None:
    assert "NoUserAgent_HEADER" in counted(stage, COMMON)


@pytest.mark.parametrize("group", RULES)
def test_every_rule_that_only_counts_is_in_its_group(stage: Any, group: str) -> None:
    assert counted(stage, group) <= set(RULES[group])


def test_one_address_may_send_what_the_stage_accepts_and_repeat_it(stage: Any) -> None:
    method = next(iter(only(stage("prod"), "AWS::ApiGateway::Stage")["MethodSettings"]))
    accepted = method["ThrottlingRateLimit"] * 300
    limit = statements(stage)["RequestsPerAddress"]["RateBasedStatement"]
    assert (limit["Limit"], limit["EvaluationWindowSec"]) == (2 * accepted, 300)
