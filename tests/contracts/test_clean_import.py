"""What a cold start imports: the weight of the Lambda entry, in modules rather than in seconds."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.explained import explained_settings, recorded, weighing
from tests.support.interpreter import proxy_event, run_clean
from tests.support.worlds import echo, settings_for

HEAVY = frozenset(
    (
        *("pydantic", "fastapi", "starlette", "anyio", "uvicorn", "yaml", "jsonschema"),
        *("boto3", "botocore", "urllib3", "requests", "aws_xray_sdk", "cryptography"),
        *("csimdjson", "simdjson", "onnx", "sklearn", "scipy", "aws_cdk", "rich", "typer"),
        *("prometheus_client", "grpc", "model_packaging", "emulator", "stacks"),
        *("training", "cli", "batch"),
    )
)

MOST_OF_OTHERS = 165
"""Modules that are neither the standard library's nor ours: 160 when this was written."""

MOST_OF_OURS = 57
"""Modules of ours, with the `__init__` of each room: 54 when this was written."""

PROBE = """
import dataclasses, json, sys
generated, generate = [], dataclasses._process_class
def count(cls, *options):
    generated.append(cls.__qualname__)
    return generate(cls, *options)
dataclasses._process_class = count
before = set(sys.modules)  # what the environment's own .pth files bring
from lading.functions.inference.entry import lambda_handler
def others(ours):
    names = [m for m in set(sys.modules) - before if m.startswith("lading.") == ours]
    return sorted(m for m in names if m.partition(".")[0] not in sys.stdlib_module_names)
def asynchronous():
    return "asyncio.base_events" in sys.modules
started = {"ours": others(True), "others": others(False), "asyncio": asynchronous()}
started["dataclasses"] = list(generated)
answers = [lambda_handler.handler(event, None) for event in json.loads(sys.argv[1])]
answered = others(True) + others(False)
after = {"answers": answers, "answered": answered, "asyncio later": asynchronous()}
print(json.dumps({**started, **after}))
"""


def probe(root: Path, *events: dict[str, Any]) -> dict[str, Any]:
    settings = settings_for(root, {"m": {1: echo()}})
    environment = settings._replace(threads=1).to_environment()  # as of every deployed function
    return run_clean(PROBE, environment, json.dumps(events))[-1]


def roots(modules: list[str]) -> set[str]:
    return {module.removeprefix("lading.").partition(".")[0] for module in modules}


SMALL = (
    proxy_event("POST", "/m/predict", {"inputs": [[1, 2]]}),
    proxy_event("POST", "/m/v1/models/m:predict", {"instances": [[1, 2]]}),
    proxy_event("GET", "/m/v2/health/ready"),
)


def test_the_lambda_entry_imports_nothing_heavy(tmp_path: Path) -> None:
    seen = probe(tmp_path)
    # Where boto3 is installed, Powertools looks for botocore's package and nothing below it.
    others = set(seen["others"]) - {"botocore"}
    assert not roots(list(others)) & HEAVY
    assert {"numpy", "onnxruntime", "mangum"} <= roots(seen["others"])


def test_the_number_of_imported_modules_has_a_ceiling(tmp_path: Path) -> None:
    seen = probe(tmp_path)
    assert len(seen["others"]) <= MOST_OF_OTHERS
    assert len(seen["ours"]) <= MOST_OF_OURS


def test_no_class_is_generated_at_a_cold_start(tmp_path: Path) -> None:
    assert probe(tmp_path)["dataclasses"] == []


def test_asyncio_is_not_imported_for_a_cold_start_or_a_prediction(tmp_path: Path) -> None:
    seen = probe(tmp_path, *SMALL)
    assert (seen["asyncio"], seen["asyncio later"]) == (False, False)


def test_a_first_small_request_imports_nothing_more(tmp_path: Path) -> None:
    seen = probe(tmp_path, *SMALL)
    assert [answer["statusCode"] for answer in seen["answers"]] == [200, 200, 200]
    assert set(seen["answered"]) == {*seen["ours"], *seen["others"]}


def test_an_explanation_imports_nothing_more_than_numpy(tmp_path: Path) -> None:
    settings = explained_settings(tmp_path, {"m": (weighing(), recorded())})
    environment = settings._replace(threads=1).to_environment()
    event = proxy_event("POST", "/m/explain", {"inputs": [[1, 2, 3]]})
    seen = run_clean(PROBE, environment, json.dumps([event]))[-1]
    assert seen["answers"][0]["statusCode"] == 200
    more = {*seen["answered"]} - {*seen["ours"], *seen["others"]}
    assert "lading.functions.inference.explaining.shapley" in more
    found = {each for each in roots(list(more)) if "cython" not in each}  # numpy.random's
    assert found == {"functions", "numpy"}


@pytest.mark.parametrize(
    ("event", "module"),
    [
        (proxy_event("POST", "/m/predict", {"inputs": [[0, 1]] * 5000}), "csimdjson"),
        (proxy_event("GET", "/m/models"), "lading.functions.inference.app.pages"),
    ],
)
def test_what_a_cold_start_leaves_out_is_imported_when_it_is_needed(
    tmp_path: Path, event: dict[str, Any], module: str
) -> None:
    seen = probe(tmp_path, event)
    assert seen["answers"][0]["statusCode"] == 200
    assert module in {*seen["answered"]} - {*seen["ours"], *seen["others"]}
