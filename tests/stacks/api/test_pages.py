"""Pages are off unless a stage asks; then anybody gets the files, and nothing else."""

from typing import Any

from lading.stacks.api.pages import PATHS
from tests.stacks.api_stages import NAMES, only, paths, text

PAGES = "lading-shown-api-pages"


def shown(template: Any) -> dict[str, dict[str, Any]]:
    """Path -> its method GET."""
    resources = template.find_resources("AWS::ApiGateway::Resource")
    parts = {id_: it["Properties"] for id_, it in resources.items()}

    def path(id_: str) -> str:
        parent = parts[id_]["ParentId"].get("Ref", "")
        return f"{path(parent) if parent in parts else ''}/{parts[id_]['PathPart']}"

    methods = template.find_resources(
        "AWS::ApiGateway::Method", {"Properties": {"HttpMethod": "GET"}}
    )
    found = (it["Properties"] for it in methods.values())
    return {path(it["ResourceId"]["Ref"]): it for it in found}


def test_a_stage_has_no_pages_unless_it_asks(stage: Any) -> None:
    template = stage("prod")
    assert not {*PATHS} & {*shown(template), *paths(template)}
    functions = template.find_resources("AWS::Lambda::Function").values()
    assert not any("pages" in text(it["Properties"]["FunctionName"]) for it in functions)


def test_anybody_gets_the_pages_of_a_function_of_their_own(stage: Any) -> None:
    found = shown(stage("shown"))
    assert {*found} == {*PATHS}
    for method in found.values():
        assert method["AuthorizationType"] == "NONE"
        assert not method.get("ApiKeyRequired")
        assert "PagesFunction" in text(method["Integration"])
    stage("shown").has_output("PagesUrl", {})


def test_everything_else_still_needs_authorization(stage: Any) -> None:
    methods = stage("shown").find_resources("AWS::ApiGateway::Method").values()
    open_ = [it for it in methods if it["Properties"]["AuthorizationType"] == "NONE"]
    assert len(open_) == len(PATHS)
    assert {it["AuthorizationType"] for it in paths(stage("shown")).values()} == {"CUSTOM"}
    assert {f"/{name}" for name in NAMES} <= paths(stage("shown")).keys()


def test_the_function_of_pages_may_call_nothing_and_knows_nothing(stage: Any) -> None:
    template = stage("shown")
    function = only(template, "AWS::Lambda::Function", FunctionName=PAGES)
    assert not function.get("Environment")
    role = function["Role"]["Fn::GetAtt"][0]
    policies = [
        statement
        for it in template.find_resources("AWS::IAM::Policy").values()
        if {"Ref": role} in it["Properties"]["Roles"]
        for statement in it["Properties"]["PolicyDocument"]["Statement"]
    ]
    actions = {action for it in policies for action in [it["Action"]] if isinstance(action, str)}
    listed = {a for it in policies if isinstance(it["Action"], list) for a in it["Action"]}
    assert all(action.startswith(("logs:", "xray:")) for action in actions | listed)


def test_the_pages_are_throttled(stage: Any) -> None:
    settings = only(stage("shown"), "AWS::ApiGateway::Stage")["MethodSettings"]
    limits = {it["ResourcePath"]: it["ThrottlingRateLimit"] for it in settings}
    assert {"/~1ui", "/~1ui~1{proxy+}", "/~1docs"} <= limits.keys()
    assert limits["/~1docs"] == 20
