"""The web application firewall in front of the API.

AWS's common rules search for attacks on web pages. Their rules on bodies, and their limit of 8 KB,
would block tensors and prompts; those rules only count. So does the rule against requests without
a `User-Agent`, which some inference clients do not send.
"""

from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from lading.stacks.stages.settings import ADDRESS_WINDOW_S

COUNTED = (
    *("SizeRestrictions_BODY", "CrossSiteScripting_BODY", "GenericLFI_BODY", "GenericRFI_BODY"),
    *("EC2MetaDataSSRF_BODY", "NoUserAgent_HEADER"),
)
"""Rules of the common set that would block tensors, prompts and inference clients."""

COUNTED_INPUTS = ("JavaDeserializationRCE_BODY", "Log4JRCE_BODY", "ReactJSRCE_BODY")
"""Rules against known bad inputs that would block a prompt about them."""


class Firewall(Construct):
    """A web ACL on one stage of an API.

    Args:
        scope: the stack.
        id_: the construct's id.
        name: the API's name.
        stage_arn: ARN of the stage that it protects.
        address_limit: requests of one IP address in `ADDRESS_WINDOW_S`, above which it is blocked.
    """

    def __init__(
        self, scope: Construct, id_: str, *, name: str, stage_arn: str, address_limit: int
    ) -> None:
        super().__init__(scope, id_)
        self.acl = wafv2.CfnWebACL(
            self,
            "Acl",
            name=name,
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visible(name),
            rules=[
                _managed(0, "AWSManagedRulesAmazonIpReputationList"),
                _managed(1, "AWSManagedRulesCommonRuleSet", COUNTED),
                _managed(2, "AWSManagedRulesKnownBadInputsRuleSet", COUNTED_INPUTS),
                _rate_limit(3, address_limit),
            ],
        )
        wafv2.CfnWebACLAssociation(
            self, "OnStage", resource_arn=stage_arn, web_acl_arn=self.acl.attr_arn
        )


def _managed(
    priority: int, name: str, counted: tuple[str, ...] = ()
) -> wafv2.CfnWebACL.RuleProperty:
    count = wafv2.CfnWebACL.RuleActionProperty(count={})
    group = wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
        vendor_name="AWS",
        name=name,
        rule_action_overrides=[
            wafv2.CfnWebACL.RuleActionOverrideProperty(name=rule, action_to_use=count)
            for rule in counted
        ],
    )
    return wafv2.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
        statement=wafv2.CfnWebACL.StatementProperty(managed_rule_group_statement=group),
        visibility_config=_visible(name),
    )


def _rate_limit(priority: int, requests: int) -> wafv2.CfnWebACL.RuleProperty:
    limit = wafv2.CfnWebACL.RateBasedStatementProperty(
        aggregate_key_type="IP", limit=requests, evaluation_window_sec=ADDRESS_WINDOW_S
    )
    return wafv2.CfnWebACL.RuleProperty(
        name="RequestsPerAddress",
        priority=priority,
        action=wafv2.CfnWebACL.RuleActionProperty(block={}),
        statement=wafv2.CfnWebACL.StatementProperty(rate_based_statement=limit),
        visibility_config=_visible("RequestsPerAddress"),
    )


def _visible(name: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
    )
