from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.tensors.domain import Domain
from lading.model_packaging.check.limits import without_lost_numbers
from lading.model_packaging.check.probes import Column, Known
from lading.model_packaging.conversion import Conversion, ConvertedModel
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.options import QuantizeSpec, Scheme
from lading.model_packaging.pipeline import package
from lading.model_packaging.quantization.registry import SCHEMES
from lading.model_packaging.quantization.scheme import QuantizationPlan, quantize
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.quantization.graphs import WIDTH, V, W, graph, normal

ROWS = {"x": normal(16, WIDTH)}
NAN = {"x": np.where(np.arange(WIDTH) == 3, np.nan, ROWS["x"]).astype(np.float32)}


def imputing() -> onnx.ModelProto:
    """Zero in place of NaN, then a product."""
    nodes = [
        helper.make_node("IsNaN", ["x"], ["n"]),
        helper.make_node("Where", ["n", "zero", "x"], ["z"]),
        helper.make_node("MatMul", ["z", "w"], ["y"]),
    ]
    return graph(nodes, w=W, zero=np.zeros(1, "f"))


def plain() -> onnx.ModelProto:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("MatMul", ["a", "v"], ["y"]),
    ]
    return graph(nodes, w=W, v=V)


def domains(
    model: onnx.ModelProto, scheme: Scheme, known: Mapping[str, Known] | None = None
) -> Mapping[str, Domain]:
    content = model.SerializeToString()
    conversion = Conversion(content, lambda _: {}, known=known or {})
    made = quantize("m", content, SCHEMES[scheme], QuantizationPlan(calibration=[ROWS]))
    return without_lost_numbers(conversion, made, ROWS).domains


@pytest.mark.parametrize("scheme", ["dynamic", "static", "int8", "int4"])
def test_eight_bits_have_no_nan_so_that_it_is_refused(scheme: Scheme) -> None:
    assert domains(plain(), scheme)["x"].missing is False


def test_ranges_of_eight_bits_have_no_infinity() -> None:
    assert not domains(plain(), "static")["x"].infinite


def test_what_the_model_still_answers_with_nan_is_allowed() -> None:
    assert domains(plain(), "fp16") == {}


@pytest.mark.parametrize("scheme", ["dynamic", "static"])
def test_nan_that_the_model_itself_makes_a_number_of_is_allowed(scheme: Scheme) -> None:
    assert domains(imputing(), scheme).get("x", Domain()).missing is True


def test_what_the_converter_knows_of_columns_stays() -> None:
    known = {"x": Known(columns=(Column(missing=True),))}
    assert domains(plain(), "dynamic", known) == {}


def test_a_quantized_package_refuses_nan_that_it_would_answer_with_a_number(tmp_path: Path) -> None:
    source = tmp_path / "m.onnx"
    source.write_bytes(plain().SerializeToString())
    store = LocalStore(tmp_path / "store")
    answers: list[Array] = []
    for scheme in ("none", "dynamic"):
        spec = ModelSpec("m", source, quantize=QuantizeSpec(scheme))
        version = package(spec, store, tmp_path / "models.lock.json").version
        artifact = store.open("m", version, None).artifact
        served = ConvertedModel(
            Conversion(artifact.model, lambda _: {}).session(artifact.model),
            {each.name: each.domain for each in artifact.inputs if each.domain},
        )
        answers.append(served.run(ROWS)["y"])
        if scheme == "none":
            assert np.isnan(served.run(NAN)["y"]).all()
        else:
            with pytest.raises(InvalidInput, match="does not accept missing values"):
                served.run(NAN)
    assert np.abs(answers[0] - answers[1]).max() < 0.1 * np.abs(answers[0]).max()
