import json
from pathlib import Path
from typing import Any

import pytest

from lading.emulator.function.runtimes import Runtime, create_function
from lading.functions.contract.settings import ServingSettings
from tests.emulator.harness import LINUX_ONLY, serving
from tests.support.worlds import settings_for, times

REQUESTS = [
    ("POST", "/double/predict", b'{"inputs": [[1, 2]]}'),
    ("POST", "/v1/models/double:predict", b'{"instances": [[1.5, 2]]}'),
    ("POST", "/v2/models/double/infer", b'{"inputs": []}'),
    ("POST", "/v1/models/double:predict", b"not json"),
    ("GET", "/v2/models/double", b""),
    ("GET", "/v2/models/none", b""),
    ("GET", "/v2/health/ready", b""),
    ("PUT", "/v2/models/double/infer", b""),
]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> ServingSettings:
    return settings_for(tmp_path_factory.mktemp("world"), {"double": {1: times(2)}})


def answers(runtime: Runtime, settings: ServingSettings, log: Path) -> list[Any]:
    with serving(create_function(runtime, settings, log=log)) as served:
        responses = [
            served.client.request(method, path, content=body) for method, path, body in REQUESTS
        ]
    return [
        (answer.status_code, answer.headers["content-type"], answer.content) for answer in responses
    ]


@LINUX_ONLY
def test_both_runtimes_answer_the_same_bytes(settings: ServingSettings, tmp_path: Path) -> None:
    here = answers("process", settings, tmp_path / "process.log")
    there = answers("lambda", settings, tmp_path / "lambda.log")
    assert here == there
    assert [status for status, _, _ in here[:2]] == [200, 200]
    assert json.loads(here[1][2]) == {"predictions": [[3.0, 4.0]]}


@LINUX_ONLY
def test_both_runtimes_log_the_request_and_its_metrics(
    settings: ServingSettings, tmp_path: Path
) -> None:
    for runtime in ("process", "lambda"):
        log = tmp_path / f"{runtime}.log"
        answers(runtime, settings, log)
        assert log.read_text().count('"message":"request"') == len(REQUESTS)
        assert log.read_text().count('"_aws"') == len(REQUESTS)
