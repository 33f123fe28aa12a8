from typing import Any

from lading.functions.contract.names import usage_key
from tests.stacks.api_stages import only, paths, text


def test_a_stage_of_tokens_asks_the_authorizer_about_every_request(stage: Any) -> None:
    methods = paths(stage("prod")).values()
    assert {method["AuthorizationType"] for method in methods} == {"CUSTOM"}
    assert all(method["ApiKeyRequired"] for method in methods)
    authorizer = only(stage("prod"), "AWS::ApiGateway::Authorizer")
    assert authorizer["AuthorizerResultTtlInSeconds"] == 0
    assert authorizer["IdentitySource"] == "method.request.header.Authorization"
    assert only(stage("prod"), "AWS::ApiGateway::RestApi")["ApiKeySourceType"] == "AUTHORIZER"
    plan = only(stage("prod"), "AWS::ApiGateway::UsagePlan")
    assert (plan["UsagePlanName"], plan["Throttle"]["RateLimit"]) == ("lading-prod-api", 100)


def test_what_the_gateway_remembers_of_a_token_is_for_one_path_and_method(stage: Any) -> None:
    authorizer = only(stage("cached"), "AWS::ApiGateway::Authorizer")
    assert authorizer["AuthorizerResultTtlInSeconds"] == 60
    assert authorizer["IdentitySource"].split(",") == [
        *("method.request.header.Authorization", "context.path", "context.httpMethod")
    ]


def test_an_emulated_gateway_is_not_asked_for_keys_or_expressions(stage: Any) -> None:
    assert not any(method["ApiKeyRequired"] for method in paths(stage("local")).values())
    stage("local").resource_count_is("AWS::ApiGateway::UsagePlan", 0)
    stage("local").resource_count_is("AWS::WAFv2::WebACL", 0)
    for alarm in stage("local").find_resources("AWS::CloudWatch::Alarm").values():
        assert "Metrics" not in alarm["Properties"]


def test_the_authorizer_may_read_single_items_of_the_token_table_alone(stage: Any) -> None:
    policy = text(stage("prod").find_resources("AWS::IAM::Policy"))
    assert "dynamodb:GetItem" in policy
    assert "table/lading-prod-tokens" in policy
    assert not {"dynamodb:Query", "dynamodb:Scan", "dynamodb:PutItem"} & set(policy.split('"'))


def test_a_tenant_has_the_rate_the_burst_and_the_quota_of_its_own_plan(stage: Any) -> None:
    plans = stage("cached").find_resources("AWS::ApiGateway::UsagePlan").values()
    named = {plan["Properties"]["UsagePlanName"]: plan["Properties"] for plan in plans}
    own = named["lading-cached-api-tenant-acme"]
    assert (own["Throttle"], own["Quota"]) == (
        {"RateLimit": 5, "BurstLimit": 9},
        {"Limit": 1000, "Period": "DAY"},
    )
    assert named["lading-cached-api"]["Throttle"]["RateLimit"] == 100
    key = only(stage("cached"), "AWS::ApiGateway::ApiKey")
    assert key["Value"] == usage_key("lading-cached-api", "acme", own_plan=True)
    functions = stage("cached").find_resources("AWS::Lambda::Function").values()
    told = [each["Properties"]["Environment"]["Variables"] for each in functions]
    (authorizer,) = [each for each in told if "LADING_TOKEN_TABLE" in each]
    assert (authorizer["LADING_API"], authorizer["LADING_TENANTS"]) == ("lading-cached-api", "acme")
