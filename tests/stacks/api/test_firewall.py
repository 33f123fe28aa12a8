from typing import Any

from lading.stacks.api.firewall import COUNTED
from tests.stacks.api_stages import (
    only,
)


def test_production_has_a_firewall_that_lets_tensors_and_prompts_pass(stage: Any) -> None:
    acl = only(stage("prod"), "AWS::WAFv2::WebACL")
    groups = {rule["Name"]: rule["Statement"] for rule in acl["Rules"]}
    common = groups["AWSManagedRulesCommonRuleSet"]["ManagedRuleGroupStatement"]
    counted = {it["Name"] for it in common["RuleActionOverrides"] if "Count" in it["ActionToUse"]}
    assert counted == set(COUNTED)
    assert {"SizeRestrictions_BODY", "CrossSiteScripting_BODY"} <= counted
    stage("prod").resource_count_is("AWS::WAFv2::WebACLAssociation", 1)
    stage("dev").resource_count_is("AWS::WAFv2::WebACL", 0)
