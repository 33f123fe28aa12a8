"""One image in every dialect, through the whole service."""

import json
import struct
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.wire.asgi import App
from tests.functions.inference.processing.images import announced, file, options, plain
from tests.support.driver import Answer, ask, serve
from tests.support.frameworks import needs
from tests.support.worlds import FLOAT, echo_named, write_artifact

pytestmark = needs("processing", "PIL")

LABELS = ["scarlet", "green", "blue"]
GREEN = (10, 200, 20)


@pytest.fixture
def app(tmp_path: Path) -> App:
    """A model that names the color of an image, by the value of its one pixel's channels."""
    steps = [
        options(resize=[1, 1], layout="channels_last", pixels="x"),
        {"step": "labels", "scores": "y", "labels": LABELS, "top": 2},
    ]
    digest = write_artifact(
        tmp_path,
        "colors",
        1,
        echo_named("x", "y", FLOAT, ["batch", 1, 1, 3]),
        processing=steps,
        inputs=[TensorSpec("image", "BYTES", (-1,)).to_json()],
        outputs=[
            TensorSpec("label", "BYTES", (-1, 1, 1, 2)).to_json(),
            TensorSpec("score", "FP32", (-1, 1, 1, 2)).to_json(),
        ],
    )
    served = ServedModel("colors", {1: digest}, {"stable": 1})
    return serve(ServingSettings(models=(served,), model_root=str(tmp_path)))


def jpeg() -> bytes:
    return file(plain(8, 8, GREEN), "JPEG", quality=95)


def png() -> bytes:
    return file(plain(8, 8, GREEN))


def text() -> str:
    return b64encode(png()).decode()


@pytest.mark.parametrize(
    ("target", "headers", "body"),
    [
        ("POST /predict/colors", {"content-type": "image/jpeg"}, jpeg),
        ("POST /predict/colors", {"content-type": "application/octet-stream"}, png),
        ("POST /predict/colors", {}, lambda: {"inputs": [{"b64": text()}]}),
        ("POST /predictions/colors", {"content-type": "image/png"}, png),
        ("PUT /predictions/colors", {}, jpeg),
        ("PUT /predictions/colors", {}, png),
        ("POST /predictions/colors", {"content-type": "application/octet-stream"}, jpeg),
        ("POST /colors/invocations", {"content-type": "image/png"}, png),
        ("POST /colors/invocations", {"content-type": "application/x-image"}, jpeg),
        ("POST /v1/models/colors:predict", {}, lambda: {"instances": [{"b64": text()}]}),
        ("POST /v1/models/colors:predict", {}, lambda: {"instances": [{"image": {"b64": text()}}]}),
        ("POST /v1/models/colors:predict", {}, lambda: {"inputs": {"image": [{"b64": text()}]}}),
        (
            "POST /v2/models/colors/infer",
            {},
            lambda: {
                "inputs": [
                    {"name": "image", "datatype": "BYTES", "shape": [1], "data": [{"b64": text()}]}
                ]
            },
        ),
        ("POST /v2/models/colors/infer", {"inference-header-content-length": "0"}, png),
    ],
)
def test_an_image_is_labeled_in_every_dialect(
    app: App, target: str, headers: dict[str, str], body: Any
) -> None:
    answer = ask(app, target, body(), headers)
    assert answer.status == 200, answer.body
    assert answer.body.index(b"green") < answer.body.index(b"blue")
    assert b"scarlet" not in answer.body


def test_images_are_binary_tensors_of_open_inference(app: App) -> None:
    files = [png(), file(plain(3, 3, (200, 10, 0)))]
    tail = b"".join(struct.pack("<I", len(each)) + each for each in files)
    tensor = {"name": "image", "datatype": "BYTES", "shape": [2]}
    parameters = {"parameters": {"binary_data_size": len(tail)}}
    header = json.dumps({"inputs": [tensor | parameters], "outputs": [{"name": "label"}]}).encode()
    length = {"inference-header-content-length": str(len(header))}
    answer = ask(app, "POST /v2/models/colors/infer", header + tail, length)
    [output] = answer.document["outputs"]
    assert output["data"] == ["green", "blue", "scarlet", "green"]


def wrong(body: bytes, app: App) -> list[Answer]:
    image, wrapped = {"content-type": "image/png"}, {"b64": b64encode(body).decode()}
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [wrapped]}
    return [
        ask(app, "POST /predict/colors", body, image),
        ask(app, "POST /predictions/colors", body, image),
        ask(app, "POST /colors/invocations", body, image),
        ask(app, "POST /v1/models/colors:predict", {"instances": [wrapped]}),
        ask(app, "POST /v2/models/colors/infer", {"inputs": [tensor]}),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda: b"a text file", "row 0 starts with b'a text f'; send a JPEG or PNG file"),
        (lambda: png()[:-30], "row 0 cannot be read as an image"),
        (lambda: announced(30_000, 30_000), "row 0 has 30000 x 30000 pixels; all images"),
    ],
    ids=["text", "truncated", "bomb"],
)
def test_a_bad_image_is_the_callers_error_in_every_dialect(
    app: App, content: Any, reason: str
) -> None:
    for answer in wrong(content(), app):
        assert answer.status == 400
        said = answer.document.get("error") or answer.document["message"]
        assert f"input 'image' cannot be used: {reason}" in said
