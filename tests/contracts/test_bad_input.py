"""What is wrong with a request is answered in its dialect, logged once, and harms no later one."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.app.application import create_app
from lading.functions.inference.artifact.specification import FORMAT_VERSION, MODEL, SPECIFICATION
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.wire.asgi import App
from tests.support.driver import Answer, ask
from tests.support.worlds import echo, write_artifact

INT64 = 7
Captured = pytest.CaptureFixture[str]


@dataclass(frozen=True)
class Wire:
    """How a dialect asks one version of a model for the answer to some values of one input."""

    path: str
    wrap: Callable[[str, str, str], str]
    statuses: Mapping[str, int] = field(default_factory=dict)


def tensor(name: str, datatype: str, values: str) -> str:
    head = f'"name":"{name}","datatype":"{datatype}","shape":[1,2]'
    return f'{{"inputs":[{{{head},"data":{values}}}]}}'


def named(name: str, _datatype: str, values: str) -> str:
    return f'{{"inputs":{{"{name}":{values}}}}}'


WIRES = {
    "open_inference": Wire("/v2/models/{model}{at}/infer", tensor),
    "tensorflow_serving": Wire(
        "/v1/models/{model}{at}:predict", named, {"an unknown label": 400, "a wrong method": 400}
    ),
    "plain": Wire("/predict/{model}{at}", named),
}

FLOATS, INTEGERS = ("x", "FP32"), ("x", "INT64")
VALUES: dict[str, tuple[str, tuple[str, str], str]] = {
    "a wrong dtype": ("floats", FLOATS, '["a","b"]'),
    "a float for an integer": ("integers", INTEGERS, "[[1.5,2]]"),
    "a wrong rank": ("floats", FLOATS, "[[[1,2]]]"),
    "a wrong name": ("floats", ("z", "FP32"), "[[1,2]]"),
    "a wrong element count": ("floats", FLOATS, "[[1,2,3]]"),
    "no elements": ("floats", FLOATS, "[]"),
    "a ragged list": ("floats", FLOATS, "[[1,2],[3]]"),
    "a list deeper than a tensor": ("floats", FLOATS, "[" * 100 + "1" + "]" * 100),
    "NaN for an integer": ("integers", INTEGERS, "[[NaN,1]]"),
    "Infinity for an integer": ("integers", INTEGERS, "[[1,-Infinity]]"),
    "an integer beyond a float": ("floats", FLOATS, f"[[1,{10**40}]]"),
    "null for an integer": ("integers", INTEGERS, "[[null,1]]"),
    "an integer over 2**64": ("integers", INTEGERS, f"[[1,{2**64}]]"),
    "an integer of 400 digits beside a float": ("integers", INTEGERS, f"[[1.5,{10**400}]]"),
    "booleans": ("floats", FLOATS, "[[true,false]]"),
    "null": ("floats", FLOATS, "null"),
}
BODIES = {
    "not JSON": b"hello",
    "truncated JSON": b'{"inputs": [[1, 2',
    "not UTF-8": b'{"inputs": "\xff"}',
    "an empty body": b"",
    "a list": b"[]",
    "hostile nesting": b"[" * 100_000,
    "a body of 11 MB": b" " * (11 << 20),
}
PLACES = {
    "an unknown model": ("nothing", ""),
    "an unknown version": ("floats", "/versions/9"),
    "an unknown label": ("floats", "/labels/nothing"),
}
BROKEN = {
    "a flipped byte": "flipped",
    "a missing file": "missing",
    "a newer format version": "newer",
}
NOT_FOUND = dict.fromkeys(PLACES, 404)
STATUSES = {
    **NOT_FOUND,
    **dict.fromkeys(BROKEN, 503),
    "a body of 11 MB": 413,
    "a wrong method": 405,
}


def world(root: Path) -> App:
    """Good models beside broken ones, observed."""
    models = {"floats": echo(), "integers": echo(INT64), "flipped": echo(), "missing": echo()}
    digests = {name: write_artifact(root, name, 1, model) for name, model in models.items()}
    digests["newer"] = write_artifact(root, "newer", 1, echo(), format_version=FORMAT_VERSION + 1)
    flipped = root / "models" / "flipped" / "1" / MODEL
    flipped.write_bytes(flipped.read_bytes()[:-1] + b"\0")
    (root / "models" / "missing" / "1" / SPECIFICATION).unlink()
    served = tuple(
        ServedModel(name, {1: digest}, {"stable": 1}) for name, digest in digests.items()
    )
    settings = ServingSettings(served, str(root))
    return Observability(settings).served(create_app(load_catalog(settings)))


def send(app: App, wire: Wire, what: str) -> Answer:
    """Send the bad input named `what`, which has a place in exactly one of the tables."""
    model, (name, datatype), values = VALUES.get(what, ("floats", FLOATS, "[[1,2]]"))
    model, at = PLACES.get(what, (BROKEN.get(what, model), ""))
    body = BODIES.get(what, wire.wrap(name, datatype, values).encode())
    method = "DELETE" if what == "a wrong method" else "POST"
    return ask(app, f"{method} {wire.path.format(model=model, at=at)}", body)


def logged(captured: Captured) -> dict[str, Any]:
    """The one line on standard output."""
    (line,) = captured.readouterr().out.splitlines()
    return dict(json.loads(line))


@pytest.mark.parametrize("what", [*BODIES, *VALUES, *PLACES, *BROKEN, "a wrong method"])
@pytest.mark.parametrize("dialect", WIRES)
def test_bad_input_gets_the_dialects_error_one_log_line_and_harms_nothing(
    tmp_path: Path, capsys: Captured, dialect: str, what: str
) -> None:
    app, wire = world(tmp_path), WIRES[dialect]
    answer = send(app, wire, what)
    assert answer.status == {**STATUSES, **wire.statuses}.get(what, 400)
    assert answer.headers["content-type"] == "application/json"
    assert answer.error
    line = logged(capsys)
    assert (line["status"], line["dialect"]) == (answer.status, dialect)
    assert line["correlation_id"] == answer.headers["x-request-id"]
    assert line["reason"]
    assert len(answer.body) < 600
    assert str(tmp_path) not in json.dumps([answer.error, line])
    assert send(app, wire, "nothing at all").status == 200
    assert logged(capsys)["status"] == 200


@pytest.mark.parametrize("dialect", ["tensorflow_serving", "plain"])
def test_instances_beside_inputs_are_refused(
    tmp_path: Path, capsys: Captured, dialect: str
) -> None:
    path = WIRES[dialect].path.format(model="floats", at="")
    answer = ask(world(tmp_path), f"POST {path}", {"instances": [[1, 2]], "inputs": [[1, 2]]})
    assert (answer.status, logged(capsys)["status"]) == (400, 400)
    assert "inputs" in answer.error


@pytest.mark.parametrize("length", ["999999", "-1", "+2", "\u0662", "9" * 40, ""])
def test_a_header_length_that_is_none_of_the_body_is_refused(
    tmp_path: Path, capsys: Captured, length: str
) -> None:
    headers = {"Inference-Header-Content-Length": length}
    body = tensor(*FLOATS, "[[1,2]]").encode()
    answer = ask(world(tmp_path), "POST /v2/models/floats/infer", body, headers)
    assert (answer.status, logged(capsys)["error"]) == (400, "MalformedRequest")
    assert "Inference-Header-Content-Length" in answer.error


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("flipped", "models/flipped/1/model.onnx has digest"),
        ("missing", "models/missing/1/artifact.json is missing"),
        ("newer", f"models/newer/1/artifact.json has format version {FORMAT_VERSION + 1}"),
    ],
)
@pytest.mark.parametrize("dialect", WIRES)
def test_a_broken_artifact_says_what_is_wrong_with_it(
    tmp_path: Path, dialect: str, model: str, reason: str
) -> None:
    app = world(tmp_path)
    answer = ask(app, f"POST {WIRES[dialect].path.format(model=model, at='')}", b"{}")
    assert answer.status == 503
    assert reason in answer.error
    assert ask(app, "GET /v2/health/ready").document == {"ready": False}
    assert ask(app, f"GET /v2/models/{model}/ready").status == 503
    assert ask(app, "GET /v2/models/floats/ready").status == 200
