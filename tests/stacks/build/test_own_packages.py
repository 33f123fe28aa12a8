"""The layer of a class of the user's own: what goes into it, and what is refused."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lading.functions.contract.invocation import proxy_event
from lading.functions.contract.names import ENVIRONMENT
from lading.stacks.build.interpreters import find_python
from lading.stacks.build.lambda_code import Folders, LambdaCode
from lading.stacks.build.own_packages import install, lacking
from lading.stacks.build.requirements import Locked
from lading.stacks.errors import PackagesUnusable
from lading.stacks.stages.target import lambda_target
from tests.model_packaging.native.own_classes import SORTED_CONTAINERS, SORTING, project, publish

PRESENT = (Locked("numpy", "==2.5.5", ("sha256:0",)),)
HANDLER = """
import json, sys
from lading.functions.inference.entry.lambda_handler import handler

class Context:
    aws_request_id = function_name = log_stream_name = "build"
    invoked_function_arn = "arn:aws:lambda:build"
    memory_limit_in_mb = 1024

answer = handler(json.loads(sys.argv[1]), Context())
import sortedcontainers
print()
print(json.dumps([answer["statusCode"], answer["body"], sortedcontainers.__file__]))
"""


def test_what_the_function_has_in_the_same_version_is_left_out() -> None:
    lines = ["Sorted.Containers==2.4.0 --hash=sha256:ab", "numpy==2.5.5.0"]
    found = lacking("churn", lines, PRESENT)
    assert found == (Locked("sorted-containers", "==2.4.0", ("sha256:ab",)),)
    assert str(found[0]) == "sorted-containers==2.4.0 --hash=sha256:ab"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["numpy==1.26.4"], "pins numpy==1.26.4, but Lading's own layer has 2.5.5; remove numpy"),
        (["six==1.16.0", "six==1.17.0"], "pins six to 1.16.0 and to 1.17.0"),
    ],
)
def test_two_versions_of_a_package_are_refused(lines: list[str], reason: str) -> None:
    with pytest.raises(PackagesUnusable, match=f"model 'churn': its requirements.txt {reason}"):
        lacking("churn", lines, PRESENT)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("sortedcontainers==0.0.1", "without a wheel for Python 3.13 .*sortedcontainers==0.0.1"),
        ("python-dateutil==2.9.0.post0", "does not pin it, but python-dateutil needs six>=1.5"),
        (f"{SORTED_CONTAINERS} --hash=sha256:{'0' * 64}", "(?i)hash"),
    ],
)
def test_packages_that_cannot_be_in_a_layer_are_refused(
    line: str, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(PackagesUnusable, match=reason):
        install("churn", lacking("churn", [line], ()), (), lambda_target(), tmp_path)


@pytest.mark.slow
def test_lambdas_handler_answers_from_the_layer_of_the_packages(
    cross: Folders, tmp_path: Path
) -> None:
    target = lambda_target()
    if not target.runs_here:
        pytest.skip(f"{target} does not run on this machine")
    packaged = publish(tmp_path, project(tmp_path, SORTING, f"{SORTED_CONTAINERS}  # sorts\n"))
    layer = LambdaCode(cross.layer.parents[2], target).packages("churn", [SORTED_CONTAINERS])
    assert layer is not None
    python = layer.folder() / "python"
    assert (python / "sortedcontainers" / "__pycache__").is_dir()
    served = {"churn": {"versions": {"1": packaged.digest}, "labels": {"stable": 1}}}
    done = subprocess.run(
        [find_python(target.python), "-S", "-c", HANDLER, event({"inputs": {"X": [[1.0, 2.0]]}})],
        check=True,
        capture_output=True,
        text=True,
        env={
            "PATH": os.defpath,
            "PYTHONPATH": os.pathsep.join(
                map(str, (cross.functions, cross.layer / "python", python))
            ),
            ENVIRONMENT.models: json.dumps(served),
            ENVIRONMENT.model_root: str(tmp_path / "store"),
        },
    )
    status, body, place = json.loads(done.stdout.splitlines()[-1])
    assert (status, json.loads(body)["outputs"]) == (200, {"score": [-1.0]})
    assert place.startswith(str(python))


def event(body: Any) -> str:
    headers = {"content-type": "application/json", "host": "build"}
    return json.dumps(proxy_event("POST", "/churn/predict", headers, json.dumps(body).encode()))
