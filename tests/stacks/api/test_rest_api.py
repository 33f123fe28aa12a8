import json
from typing import Any

from lading.functions.contract.routes import root_paths
from tests.stacks.api_stages import NAMES, only, paths, preflights, readable_by, text


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


def test_every_call_is_logged_as_json_without_bodies_and_traced(stage: Any) -> None:
    made = only(stage("dev"), "AWS::ApiGateway::Stage")
    line = json.loads(made["AccessLogSetting"]["Format"])
    assert line["tenant"] == "$context.authorizer.tenant"
    assert made["TracingEnabled"] is True
    (settings,) = made["MethodSettings"]
    assert (settings["LoggingLevel"], settings["DataTraceEnabled"]) == ("ERROR", False)
    assert settings["MetricsEnabled"] is False
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (100, 200)
    for log in stage("dev").find_resources("AWS::Logs::LogGroup").values():
        assert log["Properties"]["RetentionInDays"] == 90


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
