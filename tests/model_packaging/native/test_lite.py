"""TFLite files that are not converted answer as LiteRT's own interpreter does."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lading.functions.contract.errors import InvalidInput
from lading.model_packaging.check.answers import Answers
from lading.model_packaging.check.limits import limited
from lading.model_packaging.check.stage import check
from lading.model_packaging.conversion import Conversion, open_served
from lading.model_packaging.errors import ConversionMismatch, PackagingError
from lading.model_packaging.manifest.entries import EngineSpec
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.native.registry import find_native
from tests.support.frameworks import needs

pytestmark = needs("litert", "ai_edge_litert")

DENSE = Path(__file__).parent / "dense.tflite"
"""`softmax(x @ w + b)` of three inputs and two classes, and its largest, with one signature."""
SPEC = ModelSpec("dense", DENSE, engine=EngineSpec("native"))


@pytest.fixture(scope="module")
def kept() -> Conversion:
    return limited("dense", find_native("dense", DENSE).convert(SPEC))


def test_the_signature_is_that_of_the_file(kept: Conversion) -> None:
    native = kept.native
    assert native is not None
    assert (native.runtime, native.file, native.options) == (
        "litert",
        "model.tflite",
        {"signature": "serving_default"},
    )
    assert [(it.name, it.datatype, it.shape) for it in native.inputs] == [("x", "FP32", (-1, 3))]
    outputs = {it.name: (it.datatype, it.shape) for it in native.outputs}
    assert outputs == {"label": ("INT64", (-1,)), "scores": ("FP32", (-1, 2))}


def test_it_answers_bit_for_bit_as_an_interpreter_of_its_own(kept: Conversion) -> None:
    from ai_edge_litert.interpreter import Interpreter

    rows = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    interpreter = Interpreter(str(DENSE))
    wanted = interpreter.get_signature_runner("serving_default")(x=rows)
    served = open_served("dense", kept, kept.onnx)
    answers = served.run({"x": rows})
    assert answers.keys() == wanted.keys()
    assert all(np.array_equal(answers[name], wanted[name]) for name in wanted)
    again = served.run({"x": rows[:1]})  # another size than before
    assert np.allclose(again["scores"], answers["scores"][:1])


def test_the_check_compares_it_with_the_original(kept: Conversion) -> None:
    checked, rows = check(SPEC, kept)
    assert rows > 20
    assert checked.evidence.answered


def test_the_check_hears_another_file(kept: Conversion) -> None:
    at = kept.onnx.index(np.random.default_rng(1).normal(size=2).astype(np.float32).tobytes())
    changed = bytearray(kept.onnx)
    changed[at : at + 8] = np.array([9, -9], np.float32).tobytes()
    other = replace(kept, onnx=bytes(changed), answers=lambda _, __: Answers())
    with pytest.raises(ConversionMismatch):
        check(SPEC, other)


def test_arrays_without_elements_are_never_tried(kept: Conversion) -> None:
    served = open_served("dense", kept, kept.onnx)
    with pytest.raises(InvalidInput, match="arrays without elements"):
        served.run({"x": np.empty((0, 3), np.float32)})


def test_a_damaged_file_is_an_error_of_packaging(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(DENSE.read_bytes()[:600])
    with pytest.raises(PackagingError, match="damaged"):
        find_native("damaged", damaged).convert(ModelSpec("damaged", damaged))
