"""A SavedModel of several signatures, from `lading package` to `lading predict`."""

import json
from pathlib import Path

import pytest

from lading.model_packaging.quiet import quiet
from tests.cli.conftest import Lading
from tests.model_packaging.saved_models import HIDDEN, WIDTH, two_layers
from tests.support.frameworks import needs

pytestmark = needs("tensorflow", "tensorflow", "tf2onnx")


@pytest.fixture
def layers(lading: Lading, workspace: Path) -> Lading:
    """`lading` where `layers` is packaged, and `rows.json` fits it."""
    with quiet():
        two_layers(workspace, "serving_default", "embed", "serve", "shift")
    manifest = "models:\n  layers:\n    source: saved\n    quantize: dynamic\n"
    (workspace / "models.yaml").write_text(manifest)
    (workspace / "rows.json").write_text(json.dumps({"inputs": [[1.0] * WIDTH]}))
    with quiet():
        result = lading("package")
    assert result.code == 0
    assert ", signatures: serving_default, embed, shift, serve, labels: stable" in result.out
    (stage,) = (line for line in result.err.splitlines() if line.split()[0] == "signatures")
    for part in (
        "serving_default is the default",
        "embed agrees in",
        "serve is another name for serving_default",
    ):
        assert part in stage
    return lading


def test_predict_asks_a_signature_by_its_name(layers: Lading) -> None:
    asked = ("predict", "layers", "-i", "rows.json", "--json")
    assert list(layers(*asked).document["outputs"]) == ["scores"]
    (hidden,) = layers(*asked, "--signature", "embed").document["outputs"]["hidden"]
    assert len(hidden) == HIDDEN
    unknown = layers(*asked, "--signature", "z")
    assert unknown.code != 0
    assert "the model has serving_default, embed, shift, serve" in unknown.err
    assert layers(*asked, "--signature", "embed", "--url", "http://127.0.0.1:9").code == 2


def test_the_report_shows_every_signature(layers: Lading, workspace: Path) -> None:
    assert layers("report", "layers").code == 0
    page = (workspace / "layers-1.html").read_text(encoding="utf-8")
    assert "<h2>Signatures</h2>" in page
    assert "x FP32 [-1, 16] to hidden FP32 [-1, 256]" in page
    assert "cosine to the original 0.9" in page
    assert "another name for serving_default" in page
    assert "has nothing to quantize" in page
