"""A domain in two regions: each region's records have a health check of that region's own API."""

from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk.assertions import Template

from lading.stacks.api.domain import ApiDomain
from lading.stacks.stages.domain import CustomDomain
from tests.stacks.api_stages import only, paths, text

REGIONS = ("eu-central-1", "eu-west-1")


def records(template: Template) -> list[dict[str, Any]]:
    found = template.find_resources("AWS::Route53::RecordSet").values()
    return [it["Properties"] for it in found]


def test_the_second_region_answers_where_the_first_one_cannot(stage: Any) -> None:
    found = records(stage("second"))
    assert {it["Type"] for it in found} == {"A", "AAAA"}
    (check,) = stage("second").find_resources("AWS::Route53::HealthCheck")
    for record in found:
        assert record["Failover"] == "SECONDARY"
        assert record["SetIdentifier"] == "eu-west-1"
        assert record["HealthCheckId"] == {"Ref": check}


def test_the_check_asks_this_regions_own_host_and_not_the_shared_name(stage: Any) -> None:
    config = only(stage("second"), "AWS::Route53::HealthCheck")["HealthCheckConfig"]
    assert config["Type"] == "HTTPS"
    assert config["EnableSNI"]
    assert ".execute-api." in text(config["FullyQualifiedDomainName"])
    assert "ml.example.com" not in text(config["FullyQualifiedDomainName"])
    assert text(config["ResourcePath"]).endswith('"/health/predict"]]}')
    assert (config["RequestInterval"], config["FailureThreshold"]) == (10, 3)


def test_the_public_path_has_no_authorization_is_throttled_and_asks_the_front(stage: Any) -> None:
    methods = stage("second").find_resources(
        "AWS::ApiGateway::Method", {"Properties": {"HttpMethod": "GET"}}
    )
    (method,) = (it["Properties"] for it in methods.values())
    assert method["AuthorizationType"] == "NONE"
    settings = only(stage("second"), "AWS::ApiGateway::Stage")["MethodSettings"]
    (health,) = [it for it in settings if it["ResourcePath"] != "/*"]
    assert health["ResourcePath"] == "/~1health~1predict"
    assert (health["ThrottlingRateLimit"], health["ThrottlingBurstLimit"]) == (20, 40)
    front = only(stage("second"), "AWS::Lambda::Function", FunctionName="lading-second-api-front")
    checked = front["Environment"]["Variables"]["LADING_HEALTH_MODELS"]
    assert checked == "digits,iris.v2"


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_a_stage_in_one_region_has_no_public_path(stage: Any, name: str) -> None:
    stage(name).resource_count_is("AWS::Route53::HealthCheck", 0)
    assert "/health/predict" not in paths(stage(name))
    methods = stage(name).find_resources(
        "AWS::ApiGateway::Method", {"Properties": {"HttpMethod": "GET"}}
    )
    assert not methods


def test_with_latency_each_record_names_its_region() -> None:
    stack = Stack(App(), "s", env={"region": "eu-central-1", "account": "000000000000"})
    api = apigateway.RestApi(stack, "Api")
    api.root.add_method("GET")
    certificates = {each: f"arn:aws:acm:{each}:0:certificate/1" for each in REGIONS}
    domain = CustomDomain(
        name="ml.example.com", certificates=certificates, hosted_zone_id="Z1", routing="latency"
    )
    ApiDomain(stack, domain, api, "eu-central-1", REGIONS)
    for record in records(Template.from_stack(stack)):
        assert (record["Region"], record["SetIdentifier"]) == ("eu-central-1", "eu-central-1")
        assert "Failover" not in record
