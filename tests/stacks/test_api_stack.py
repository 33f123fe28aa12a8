"""The API's stack in every kind of stage: one app for the module, judged by the rules once."""

import json
import os
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

os.environ.setdefault("JSII_NODE", str(Path(sys.executable).parent / "node"))

import pytest
from aws_cdk import App, Validations
from aws_cdk.assertions import Template
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from lading.functions.contract.routes import root_paths
from lading.stacks.api.firewall import COUNTED
from lading.stacks.api_stack import ApiStack
from lading.stacks.build.lambda_code import LambdaCode
from lading.stacks.function.code_assets import CodeAssets
from lading.stacks.function.logged_function import StageFunctions
from lading.stacks.monitoring.signals import API_SIGNALS, MODEL_SIGNALS, WatchedModel
from lading.stacks.plan.apis import MOST_MODELS, MOST_MODELS_WITH_PAGES, plan_apis
from lading.stacks.stages.settings import Alarms, CustomDomain, Deployment, Names, StageSettings
from lading.stacks.stages.target import lambda_target

ROOT = Path(__file__).parents[2]
NAMES = ("digits", "iris.v2")
DOMAIN = CustomDomain(
    name="ml.example.com",
    certificate_arn="arn:aws:acm:eu-west-1:000000000000:certificate/one",
    hosted_zone_id="Z1",
    hosted_zone_name="example.com",
)
STAGES = {
    "prod": Deployment(
        Names("lading", "prod"),
        StageSettings(auth="token", domain=DOMAIN, alarms=Alarms(email="team@example.com")),
    ),
    "dev": Deployment(Names("lading", "dev")),
    "cached": Deployment(
        Names("lading", "cached"), StageSettings(auth="token", authorizer_cache_s=60)
    ),
    "local": Deployment(Names("lading", "local"), StageSettings(auth="token"), local=True),
    "open": Deployment(Names("lading", "open"), StageSettings(auth="none")),
    "pages": Deployment(
        Names("lading", "pages"), StageSettings(auth="token", cors=("https://a.example",))
    ),
    "everywhere": Deployment(
        Names("lading", "everywhere"), StageSettings(cors=("https://a.example", "http://b.example"))
    ),
}


def add_stack(app: App, deployment: Deployment) -> None:
    names = deployment.names
    models = [
        WatchedModel(name, names.function(name), error_rate=0.01, p99_ms=700) for name in NAMES
    ]
    apis = plan_apis(models, names)
    shared = StageFunctions(CodeAssets(LambdaCode(ROOT, lambda_target())), "x86_64", 90)
    ApiStack(
        app,
        deployment.stage,
        deployment=deployment,
        region="eu-west-1",
        apis=apis,
        api=apis[0],
        shared=shared,
    )


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of templates, and of the rules' report."""
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    folder = Path(mkdtemp(dir=tmp_path_factory.mktemp("api")))
    app = App(context={**flags, "aws:cdk:bundling-stacks": []}, outdir=str(folder))
    for deployment in STAGES.values():
        add_stack(app, deployment)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    with pytest.raises(RuntimeError, match="AwsSolutions-APIG4"):  # the open stage's
        app.synth()
    return folder


@pytest.fixture(scope="module")
def stage(assembly: Path) -> Any:
    """Stage's name -> template."""

    @cache
    def template(name: str) -> Template:
        return Template.from_json(json.loads((assembly / f"{name}.template.json").read_text()))

    return template


def only(template: Template, kind: str, **properties: Any) -> dict[str, Any]:
    (found,) = template.find_resources(kind, {"Properties": properties}).values()
    return dict(found["Properties"])


def paths(template: Template) -> dict[str, dict[str, Any]]:
    """Path -> its method for whatever is asked."""
    resources = template.find_resources("AWS::ApiGateway::Resource")

    def path(reference: dict[str, Any]) -> str:
        if "Ref" not in reference:
            return ""
        properties = resources[reference["Ref"]]["Properties"]
        return f"{path(properties['ParentId'])}/{properties['PathPart']}"

    methods = template.find_resources("AWS::ApiGateway::Method").values()
    return {
        path(it["Properties"]["ResourceId"]) or "/": it["Properties"]
        for it in methods
        if it["Properties"]["HttpMethod"] == "ANY"
    }


def text(value: Any) -> str:
    return json.dumps(value)


def findings(assembly: Path) -> set[tuple[str, str]]:
    """Rule and stage of each finding that nobody acknowledged."""
    report = json.loads((assembly / "validation-report.json").read_text())
    return {
        (violation["ruleName"], construct["constructPath"].split("/")[0])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    }


def test_no_rule_finds_anything_but_that_an_open_api_is_open(assembly: Path) -> None:
    assert findings(assembly) == {
        ("AwsSolutions-APIG4", "open"),
        ("Annotation::lading:open", "open"),
    }


def test_every_model_is_served_at_its_base_url_and_below_by_its_alias(stage: Any) -> None:
    served = paths(stage("dev"))
    for path in ("/digits", "/digits/{proxy+}"):
        assert served[path]["HttpMethod"] == "ANY"
        assert "function:lading-dev-model-digits:live/invocations" in text(served[path])
    assert "lading-dev-model-iris-v2-" in text(served["/iris.v2/{proxy+}"])


def test_what_a_function_answers_is_the_response_and_not_its_body(stage: Any) -> None:
    integrations = [method["Integration"] for method in paths(stage("dev")).values()]
    assert {integration["Type"] for integration in integrations} == {"AWS_PROXY"}


def test_every_route_of_every_dialect_leads_to_the_front_function(stage: Any) -> None:
    served = paths(stage("dev"))
    for path in root_paths():
        assert "FrontFunction" in text(served[path]["Integration"])


def test_a_function_has_one_permission_for_this_api_and_its_own_paths(stage: Any) -> None:
    permissions = stage("dev").find_resources("AWS::Lambda::Permission").values()
    sources = [text(it["Properties"]["SourceArn"]) for it in permissions]
    assert len(sources) == len(NAMES) + 1
    assert sum("/dev/*/digits*" in source for source in sources) == 1
    assert all('{"Ref": "RestApi' in source for source in sources)


def test_bodies_arrive_as_they_are(stage: Any) -> None:
    api = only(stage("dev"), "AWS::ApiGateway::RestApi")
    assert api["BinaryMediaTypes"] == ["*/*"]
    assert api["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert api["SecurityPolicy"].startswith("SecurityPolicy_TLS13_1_2")


def test_callers_sign_their_requests_unless_the_stage_says_otherwise(stage: Any) -> None:
    methods = paths(stage("dev")).values()
    assert {method["AuthorizationType"] for method in methods} == {"AWS_IAM"}
    stage("dev").resource_count_is("AWS::ApiGateway::Authorizer", 0)
    stage("dev").resource_count_is("AWS::ApiGateway::UsagePlan", 0)


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


def test_every_call_is_logged_as_json_without_bodies_and_traced(stage: Any) -> None:
    made = only(stage("dev"), "AWS::ApiGateway::Stage")
    line = json.loads(made["AccessLogSetting"]["Format"])
    assert line["tenant"] == "$context.authorizer.tenant"
    assert made["TracingEnabled"] is True
    (settings,) = made["MethodSettings"]
    assert (settings["LoggingLevel"], settings["DataTraceEnabled"]) == ("ERROR", False)
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (100, 200)
    for log in stage("dev").find_resources("AWS::Logs::LogGroup").values():
        assert log["Properties"]["RetentionInDays"] == 90


def test_the_gateways_own_answers_have_a_json_body_that_every_client_reads(stage: Any) -> None:
    responses = stage("dev").find_resources("AWS::ApiGateway::GatewayResponse").values()
    bodies = [it["Properties"]["ResponseTemplates"]["application/json"] for it in responses]
    assert len(bodies) == 4
    for body in bodies:
        filled = body.replace("$context.error.messageString", '"no"')
        assert json.loads(filled) == {"error": "no", "message": "no"}
    unauthorized = only(
        stage("dev"), "AWS::ApiGateway::GatewayResponse", ResponseType="UNAUTHORIZED"
    )
    assert "'Bearer'" in unauthorized["ResponseParameters"].values()


def preflights(template: Template) -> list[dict[str, Any]]:
    """The methods that answer what browsers ask first."""
    methods = template.find_resources("AWS::ApiGateway::Method").values()
    return [it["Properties"] for it in methods if it["Properties"]["HttpMethod"] == "OPTIONS"]


def readable_by(template: Template) -> set[str | None]:
    """From where each of the gateway's own answers may be read."""
    responses = template.find_resources("AWS::ApiGateway::GatewayResponse").values()
    header = "gatewayresponse.header.access-control-allow-origin"
    return {it["Properties"].get("ResponseParameters", {}).get(header) for it in responses}


def test_no_page_may_ask_unless_the_stage_says_so(stage: Any) -> None:
    assert preflights(stage("dev")) == []
    assert readable_by(stage("dev")) == {None}
    front = only(stage("dev"), "AWS::Lambda::Function", FunctionName="lading-dev-api-front")
    assert front["Environment"]["Variables"]["LADING_CORS"] == ""


def test_browsers_ask_the_front_function_first_without_a_token_at_every_path(stage: Any) -> None:
    found = preflights(stage("pages"))
    assert len(found) == len(paths(stage("pages"))) == len(root_paths()) + 2 * len(NAMES)
    assert {method["AuthorizationType"] for method in found} == {"NONE"}
    assert not any(method.get("ApiKeyRequired") for method in found)
    assert all("FrontFunction" in text(method["Integration"]) for method in found)
    front = only(stage("pages"), "AWS::Lambda::Function", FunctionName="lading-pages-api-front")
    assert front["Environment"]["Variables"]["LADING_CORS"] == "https://a.example"


def test_as_many_models_as_an_api_may_have_fit_into_a_stack(stage: Any) -> None:
    each = len(NAMES)
    for name, most, resources in (("prod", MOST_MODELS, 5), ("pages", MOST_MODELS_WITH_PAGES, 7)):
        without = len(stage(name).to_json()["Resources"]) - resources * each
        assert without + resources * most < 500


def test_the_gateways_own_answers_may_be_read_by_the_pages_that_may_ask(stage: Any) -> None:
    assert readable_by(stage("pages")) == {"'https://a.example'"}
    assert readable_by(stage("everywhere")) == {"'*'"}


def test_production_has_a_firewall_that_lets_tensors_and_prompts_pass(stage: Any) -> None:
    acl = only(stage("prod"), "AWS::WAFv2::WebACL")
    groups = {rule["Name"]: rule["Statement"] for rule in acl["Rules"]}
    common = groups["AWSManagedRulesCommonRuleSet"]["ManagedRuleGroupStatement"]
    counted = {it["Name"] for it in common["RuleActionOverrides"] if "Count" in it["ActionToUse"]}
    assert counted == set(COUNTED)
    assert {"SizeRestrictions_BODY", "CrossSiteScripting_BODY"} <= counted
    stage("prod").resource_count_is("AWS::WAFv2::WebACLAssociation", 1)
    stage("dev").resource_count_is("AWS::WAFv2::WebACL", 0)


def test_a_domain_is_served_over_modern_tls_and_is_the_url(stage: Any) -> None:
    domain = only(stage("prod"), "AWS::ApiGateway::DomainName")
    assert domain["DomainName"] == "ml.example.com"
    assert domain["SecurityPolicy"].startswith("SecurityPolicy_TLS13_1_2")
    mapping = only(stage("prod"), "AWS::ApiGateway::BasePathMapping")
    assert "BasePath" not in mapping
    stage("prod").resource_count_is("AWS::Route53::RecordSet", 2)
    stage("prod").has_output("ApiUrl", {"Value": "https://ml.example.com/"})


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


@pytest.mark.parametrize("which", ["service", "operations"])
def test_a_dashboard_draws_every_signal_that_it_is_for(stage: Any, which: str) -> None:
    dashboard = only(
        stage("dev"), "AWS::CloudWatch::Dashboard", DashboardName=f"lading-dev-{which}"
    )
    drawn = text(dashboard["DashboardBody"])
    for signal in MODEL_SIGNALS:
        assert (signal.title in drawn) == (signal.dashboard == which)


def test_the_operations_dashboard_says_when_a_canary_was_not_judged(stage: Any) -> None:
    name = {"DashboardName": "lading-dev-operations"}
    drawn = text(only(stage("dev"), "AWS::CloudWatch::Dashboard", **name)["DashboardBody"])
    assert "not judged" in drawn
    assert "lading-dev-model-digits-canary-quiet" in drawn
    assert "ExecutedVersion" in drawn


def test_nothing_in_the_template_depends_on_a_models_version(stage: Any) -> None:
    versions = stage("dev").find_resources("AWS::Lambda::Version")
    assert versions == {}
    body = text(stage("dev").find_resources("AWS::CloudWatch::Dashboard"))
    assert '"version"' not in body
