"""Graphs that quantizing got wrong, through the whole of packaging and as they are served."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.models.session_predictor import open_onnx
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.options import QuantizeSpec, Scheme
from lading.model_packaging.pipeline import package
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.quantization import graphs
from tests.model_packaging.quantization.graphs import WIDTH, normal


def weights_as_inputs() -> onnx.ModelProto:
    """Of IR 3, with scales that `static` lost."""
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"], alpha=0.5, beta=3.0)
    return graphs.graph([node], opset=8, ir=3, w=graphs.W, b=graphs.B)


def stacked() -> onnx.ModelProto:
    return graphs.stack(3, WIDTH, WIDTH)


@pytest.mark.parametrize("scheme", ["dynamic", "static"])
@pytest.mark.parametrize(
    ("make", "shape"),
    [(weights_as_inputs, (40, WIDTH)), (stacked, (8, 3, 5, WIDTH)), (graphs.shared, (40, WIDTH))],
)
def test_a_quantized_package_answers_nearly_as_the_file_it_was_made_of(
    tmp_path: Path, make: Callable[[], onnx.ModelProto], shape: tuple[int, ...], scheme: Scheme
) -> None:
    source, rows = tmp_path / "m.onnx", normal(*shape, seed=3)
    source.write_bytes(make().SerializeToString())
    np.savez(tmp_path / "rows.npz", x=rows)
    calibration = tmp_path / "rows.npz" if scheme == "static" else None
    spec = ModelSpec("m", source, quantize=QuantizeSpec(scheme, (), calibration))
    store = LocalStore(tmp_path / "store")
    packaged = package(spec, store, tmp_path / "models.lock.json")
    assert packaged.size_after < packaged.size_before
    artifact = store.open("m", 1, None).artifact
    assert [each.name for each in artifact.inputs] == ["x"]
    assert artifact.specification["batch"]["sizes"] == [2, 8, 32]
    found = open_onnx(artifact, 1).predict({"x": rows})["y"]
    wanted = OnnxSession(source.read_bytes()).run({"x": rows})["y"]
    assert np.abs(found - wanted).max() < 0.04 * np.abs(wanted).max()
