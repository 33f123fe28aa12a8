"""`lading explain`: tables for people, JSON for scripts, pictures of images."""

import json
from pathlib import Path

import pytest

from lading.api.locked import served_settings
from lading.emulator.function.runtimes import create_function
from lading.emulator.gateway.api import Gateway
from lading.emulator.processes.server import in_background
from lading.functions.inference.explaining.recorded import Recorded
from lading.model_packaging.lock.edits import record
from lading.model_packaging.lock.file import LocalCopy, LockedVersion
from tests.cli.conftest import Lading
from tests.support.explained import explained_settings, recorded, weighing
from tests.support.worlds import FLOAT, onnx_model

X = {"inputs": [[1, 2, 3], [0, 0, 0]]}


def summing() -> bytes:
    """`y` is the sum of pixels, [batch, 1, 1, 1], of images of [batch, 1, 8, 8]."""
    from onnx import helper

    return onnx_model(
        {"x": (FLOAT, ["batch", 1, 8, 8])},
        {"y": (FLOAT, ["batch", 1, 1, 1])},
        helper.make_node("Constant", [], ["axes"], value_ints=[1, 2, 3]),
        helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=1),
    )


@pytest.fixture(name="explaining")
def fixture_explaining(workspace: Path, lading: Lading) -> Lading:
    """The command in a workspace with models that explain their answers, and one that does not."""
    models: dict[str, tuple[bytes, Recorded | None]] = {
        "m": (weighing(), recorded()),
        "plain": (weighing(), None),
        "image": (summing(), Recorded("image", "y", 100, grid=4)),
    }
    settings = explained_settings(workspace / "artifacts", models)
    for served in settings.models:
        identity, copy = "sha256:" + "0" * 64, LocalCopy(path="artifacts")
        entry = LockedVersion(identity=identity, digest=served.versions[1], stores=(copy,))
        record(workspace / "models.lock.json", served.name, 1, entry, ("stable",))
    (workspace / "x.json").write_text(json.dumps(X))
    return lading


def test_shows_the_features_that_contribute_most(explaining: Lading) -> None:
    lines = explaining("explain", "m", "-i", "x.json", "--top", "2").out.splitlines()
    assert lines[0] == "m version 1"
    assert lines[2] == "row 0: y[0] is 13, base value 2.5 (shapley_exact, 13 evaluations)"
    assert [line.split() for line in lines[3:7]] == [
        ["feature", "is", "contributes"],
        ["x[1]", "2", "+5.5"],
        ["x[2]", "3", "+4.5"],
        ["and", "1", "more", "(--top)"],
    ]


def test_json_is_what_a_server_answers(explaining: Lading, workspace: Path) -> None:
    words = ("explain", "m", "-i", "x.json", "--target", "1", "--json")
    here = explaining(*words).document
    assert here["explanations"][0]["values"] == {"x": [-0.5, 0.0, 0.0]}
    function = create_function(
        "process", served_settings(workspace / "models.lock.json", ()), log=workspace / "log"
    )
    with in_background(Gateway(function, lambda _: None), function) as port:
        there = explaining(*words, "--url", f"http://127.0.0.1:{port}").document
    assert there == here


def test_a_model_without_explanations_is_an_error_with_advice(explaining: Lading) -> None:
    result = explaining("explain", "plain", "-i", "x.json")
    assert result.code == 8
    assert "model 'plain' does not support explanations: set explain: true" in result.err


def test_a_picture_is_for_images_alone(explaining: Lading) -> None:
    result = explaining("explain", "m", "-i", "x.json", "--output", "why.png")
    assert result.code == 2
    assert "--output is for images; this model explains columns or tokens" in result.err


def test_the_heat_map_of_an_image_is_written(explaining: Lading, workspace: Path) -> None:
    image = [[[float(row == column) for column in range(8)] for row in range(8)]]
    (workspace / "image.json").write_text(json.dumps({"inputs": [image]}))
    result = explaining("explain", "image", "-i", "image.json", "--output", "why.png", "--top", "1")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[2] == "row 0: y[0] is 8 (occlusion, 17 evaluations)"
    assert lines[4].split()[:3] == ["patch", "0,", "0"]
    assert (workspace / "why.png").read_bytes().startswith(b"\x89PNG")


def test_several_images_have_a_numbered_file_each(explaining: Lading, workspace: Path) -> None:
    image = [[[0.0] * 8] * 8]
    (workspace / "image.json").write_text(json.dumps({"inputs": [image, image]}))
    explaining("explain", "image", "-i", "image.json", "--output", "why.png")
    assert {path.name for path in workspace.glob("*.png")} == {"why-0.png", "why-1.png"}
