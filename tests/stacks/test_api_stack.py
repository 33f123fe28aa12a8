"""The API's stack in every kind of stage: one app for all tests, judged by the rules once."""

from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Template

from lading.stacks.monitoring.signals import API_SIGNALS
from lading.stacks.plan.apis import MOST_MODELS, MOST_MODELS_WITH_PAGES
from tests.stacks.api_stages import NAMES, findings, only, text
from tests.stacks.projects import write_project
from tests.stacks.synthesis import synthesise


def test_no_rule_finds_anything_but_that_an_open_api_is_open(api_assembly: Path) -> None:
    assert findings(api_assembly) == {
        ("AwsSolutions-APIG4", "open"),
        ("Annotation::lading:open", "open"),
    }


def test_the_front_function_may_invoke_the_live_models_alone(stage: Any) -> None:
    statements = [
        statement
        for policy in stage("dev").find_resources("AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "lambda:InvokeFunction"
    ]
    (allowed,) = statements
    assert len(allowed["Resource"]) == len(NAMES)
    assert all(":live" in text(resource) for resource in allowed["Resource"])
    environment = only(stage("dev"), "AWS::Lambda::Function", FunctionName="lading-dev-api-front")
    told = environment["Environment"]["Variables"]
    assert told["LADING_FUNCTION_PREFIX"] == "lading-dev-model-"
    assert told["LADING_FUNCTIONS"].startswith("digits,iris.v2=iris-v2-")


def test_as_many_models_as_an_api_may_have_fit_into_a_stack(stage: Any) -> None:
    each = len(NAMES)
    for name, most, resources in (("prod", MOST_MODELS, 5), ("pages", MOST_MODELS_WITH_PAGES, 7)):
        without = len(stage(name).to_json()["Resources"]) - resources * each
        assert without + resources * most < 500


def test_a_domain_is_served_over_modern_tls_and_is_the_url(stage: Any) -> None:
    domain = only(stage("prod"), "AWS::ApiGateway::DomainName")
    assert domain["DomainName"] == "ml.example.com"
    assert domain["SecurityPolicy"].startswith("SecurityPolicy_TLS13_1_2")
    mapping = only(stage("prod"), "AWS::ApiGateway::BasePathMapping")
    assert "BasePath" not in mapping
    stage("prod").resource_count_is("AWS::Route53::RecordSet", 2)
    stage("prod").has_output("ApiUrl", {"Value": "https://ml.example.com/"})


def test_a_base_path_is_part_of_the_url_and_known_to_every_reader_of_a_path(stage: Any) -> None:
    template = stage("cached")
    assert only(template, "AWS::ApiGateway::BasePathMapping")["BasePath"] == "ml"
    template.has_output("ApiUrl", {"Value": "https://shared.example.com/ml/"})
    for role in ("front", "authorizer"):
        function = only(template, "AWS::Lambda::Function", FunctionName=f"lading-cached-api-{role}")
        assert function["Environment"]["Variables"]["LADING_BASE_PATH"] == "ml"


def test_where_the_region_is_unknown_cloudformation_checks_that_of_the_certificate(
    tmp_path: Path,
) -> None:
    domain = "{name: ml.example.com, certificate_arn: 'arn:aws:acm:eu-west-1:1:certificate/1'}"
    write_project(tmp_path, None, f"stages: {{dev: {{domain: {domain}}}}}")
    (region,) = synthesise(tmp_path)
    rules = Template.from_stack(region.apis[0]).to_json()["Rules"]
    (assertion,) = rules["CertificateRegion"]["Assertions"]
    assert assertion["Assert"] == {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]}
    assert "request one in the region of the API" in assertion["AssertDescription"]


@pytest.mark.parametrize("name", ["prod", "dev", "local"])
def test_outputs_have_names_that_scripts_can_rely_on(stage: Any, name: str) -> None:
    outputs = stage(name).find_outputs("*")
    assert set(outputs) == {"ApiUrl", "DashboardUrl", "AlarmTopicArn"}


def test_the_api_has_its_alarms_and_the_stage_its_topic(stage: Any) -> None:
    for signal in API_SIGNALS:
        name = {"AlarmName": f"lading-dev-api-{signal.key}"}
        stage("dev").has_resource_properties("AWS::CloudWatch::Alarm", name)
    stage("prod").has_resource_properties("AWS::SNS::Subscription", {"Protocol": "email"})
    stage("dev").resource_count_is("AWS::SNS::Subscription", 0)


def test_nothing_in_the_template_depends_on_a_models_version(stage: Any) -> None:
    versions = stage("dev").find_resources("AWS::Lambda::Version")
    assert versions == {}
    body = text(stage("dev").find_resources("AWS::CloudWatch::Dashboard"))
    assert '"version"' not in body
