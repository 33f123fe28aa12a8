"""A dialect that is added as CONTRIBUTING.md says answers wherever the other dialects do.

A record, its line in the tuple and a module are all that a copy of the source gets.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.test_contributing import follow
from tests.support.interpreter import ROOT
from tests.support.worlds import settings_for, times

ROOMS = ("functions", "model_packaging", "stacks")

PROBE = """
import json, os
from aws_cdk import App, Stack, aws_apigateway, aws_lambda
from aws_cdk.assertions import Template
from lading.functions.authorizer.authorizer import requested_model
from lading.functions.contract.routes import RESERVED_NAMES
from lading.functions.contract.settings import ServingSettings
from lading.functions.front.front import Front
from lading.stacks.api.rest_api import ApiSettings, Authorization, ModelApi
from tests.support.driver import ask, serve
from tests.support.interpreter import proxy_event

app = serve(ServingSettings.from_environment(os.environ))

def locally(target, body=b""):
    answer = ask(app, target, body)
    return [answer.status, answer.document]

def invoke(model, event):
    answer = ask(app, f"{event['httpMethod']} {event['path']}", event["body"].encode())
    return {"statusCode": answer.status, "body": answer.body.decode()}

def at_the_front(path, body):
    answer = Front(["m"], invoke, log=lambda line: None).answer(proxy_event("POST", path, body))
    return [answer["statusCode"], json.loads(answer["body"])]

stack = Stack(App(), "api")
api = ModelApi(
    stack,
    "Api",
    settings=ApiSettings("api", "dev", 10, 10, (), 30, account_log_role=False, firewall=False),
    authorization=Authorization(aws_apigateway.AuthorizationType.NONE),
)
function = "arn:aws:lambda:eu-west-1:000000000000:function:front"
api.serve_root(aws_lambda.Function.from_function_arn(stack, "Front", function))
resources = Template.from_stack(stack).find_resources("AWS::ApiGateway::Resource").values()

print(json.dumps({
    "locally": [locally("POST /rows", [[1, 2]]), locally("POST /rows/m", [[1, 2]])],
    "refused": [locally("POST /rows/absent", [[1, 2]]), locally("GET /rows")],
    "front": [at_the_front("/rows", [[1, 2]]), at_the_front("/rows/m", [[1, 2]])],
    "front_refused": at_the_front("/rows/absent", [[1, 2]]),
    "openapi": locally("GET /openapi.json")[1]["paths"],
    "reserved": "rows" in RESERVED_NAMES,
    "authorized": requested_model({"resource": "/rows/{proxy+}", "path": "/rows/m"}),
    "template": [it["Properties"]["PathPart"] for it in resources],
}))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the copy of the source with one more dialect does."""
    root = tmp_path_factory.mktemp("source")
    for room in ROOMS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / room, root / room, ignore=ignored)
    shutil.copytree(ROOT / "lading", root / "lading", symlinks=True)
    follow("Add a dialect", root)
    told = settings_for(tmp_path_factory.mktemp("store"), {"m": {1: times(2)}})
    finished = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=root,
        check=False,
        capture_output=True,
        text=True,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{root}{os.pathsep}{ROOT}",
            "JSII_NODE": str(Path(sys.executable).parent / "node"),
            **told.to_environment(),
        },
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout.splitlines()[-1])


def test_an_added_dialect_predicts_locally_with_errors_of_its_own(seen: Any) -> None:
    assert seen["locally"] == [[200, [[2.0, 4.0]]]] * 2
    (unknown, shown), (wrong, told) = seen["refused"]
    assert (unknown, wrong) == (404, 405)
    assert shown == {"reason": "model 'absent' is not found; served here: m"}
    assert told == {"reason": "GET is not allowed at /rows; use POST"}


def test_an_added_dialect_is_passed_on_and_refused_by_the_front_function(seen: Any) -> None:
    assert seen["front"] == seen["locally"]
    assert seen["front_refused"] == seen["refused"][0]


def test_an_added_dialect_is_in_the_openapi_document(seen: Any) -> None:
    described = seen["openapi"]["/rows"]["post"]  # the only model need not be named
    assert (described["summary"], described["tags"]) == ("Predict rows", ["Rows"])
    content = described["requestBody"]["content"]["application/json"]
    assert content == {"schema": {"type": "array"}, "example": [[0]]}
    error = described["responses"]["default"]["content"]["application/json"]["example"]
    assert [*error] == ["reason"]


def test_an_added_dialect_has_paths_in_the_rest_api_and_in_the_authorizer(seen: Any) -> None:
    assert "rows" in seen["template"]
    assert (seen["reserved"], seen["authorized"]) == (True, "m")
