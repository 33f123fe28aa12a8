"""What served models refuse since they would answer it otherwise, or not survive it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.models.session_predictor import open_onnx
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.tensors.domain import Domain
from lading.model_packaging.check.limits import limited
from lading.model_packaging.check.probes import Column, Known
from lading.model_packaging.check.stage import check
from lading.model_packaging.conversion import Conversion
from lading.model_packaging.converters.onnx import CONVERTER
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import InputShape
from lading.model_packaging.pipeline import package
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.models import FEATURES, linear_bytes, rows, weights
from tests.support.frameworks import needs
from tests.support.worlds import onnx_model

STEPS, WIDTH = 5, 4


def linear(inputs: dict[str, Array]) -> dict[str, Array]:
    return {"scores": inputs["x"] @ weights()}


def changing(change: Callable[[Array], Array]) -> Conversion:
    """A linear model that was trained behind a step that its graph lacks."""
    return Conversion(linear_bytes(), lambda inputs: linear({"x": change(inputs["x"])}))


def refusing(refused: Callable[[Array], Array]) -> Conversion:
    def original(inputs: dict[str, Array]) -> dict[str, Array]:
        if refused(inputs["x"]).any():
            raise ValueError("not these")
        return linear(inputs)

    return Conversion(linear_bytes(), original)


@pytest.mark.parametrize(
    ("conversion", "domain"),
    [
        (changing(np.copy), None),
        (changing(lambda x: np.nan_to_num(x, posinf=np.inf, neginf=-np.inf)), (False, True)),
        (changing(lambda x: np.where(np.isinf(x), 9, x).astype(np.float32)), (True, False)),
        (changing(lambda x: np.where(x == -np.inf, 9, x).astype(np.float32)), (True, False)),
        (changing(np.nan_to_num), (False, False)),
        (refusing(np.isnan), (False, True)),
        (refusing(np.isinf), (True, False)),
    ],
)
def test_what_both_models_answer_alike_is_allowed_and_nothing_else(
    conversion: Conversion, domain: tuple[bool, bool] | None
) -> None:
    found = limited("m", conversion).domains
    assert found == ({"x": Domain(*domain)} if domain else {})


def test_arrays_without_rows_are_refused_where_the_original_refuses_them() -> None:
    conversion = refusing(lambda x: np.array(len(x) == 0))
    assert limited("m", conversion).domains == {"x": Domain(empty=False)}


@pytest.mark.parametrize("what", ["domains", "known"])
def test_what_the_converter_knows_stays(what: str) -> None:
    domains = {"x": Domain(missing=frozenset({1}))} if what == "domains" else {}
    known = {"x": Known(columns=(Column(missing=True),))} if what == "known" else {}
    plain = changing(np.nan_to_num)
    conversion = Conversion(plain.onnx, plain.reference, known=known, domains=domains)
    assert limited("m", conversion).domains == domains


def test_a_model_that_onnxruntime_cannot_run_is_one_clear_error() -> None:
    at = (TensorProto.BFLOAT16, ["n"])
    sine = onnx_model({"x": at}, {"y": at}, helper.make_node("Sin", ["x"], ["y"]))
    with pytest.raises(ConversionError, match=r"model 'm' cannot be served: .*Sin"):
        limited("m", Conversion(sine, lambda inputs: inputs))


def recurrent(operator: str) -> ModelProto:
    """Layers over time as onnxruntime has them: series are [steps, batch, 4]."""
    gates = {"LSTM": 4, "GRU": 3}[operator]
    generator = np.random.default_rng(0)
    shapes = {"w": (1, gates * 2, WIDTH), "r": (1, gates * 2, 2)}
    graph = helper.make_graph(
        [helper.make_node(operator, ["x", "w", "r"], ["y"], hidden_size=2)],
        "series",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["steps", "batch", WIDTH])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["steps", 1, "batch", 2])],
        [
            numpy_helper.from_array(generator.standard_normal(shape).astype(np.float32), name)
            for name, shape in shapes.items()
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("operator", ["LSTM", "GRU"])
def test_series_without_an_element_are_refused_and_do_not_end_the_process(
    tmp_path: Path, operator: str
) -> None:
    source = tmp_path / "series.onnx"
    source.write_bytes(recurrent(operator).SerializeToString())
    store = LocalStore(tmp_path / "store")
    package(ModelSpec("series", source), store, tmp_path / "models.lock.json")
    predictor = open_onnx(store.open("series", 1, None).artifact, 1)
    for shape in ((0, 2, WIDTH), (STEPS, 0, WIDTH), (0, 0, WIDTH)):
        with pytest.raises(InvalidInput, match=r"does not accept arrays without elements"):
            predictor.predict({"x": np.zeros(shape, np.float32)})
    answer = predictor.predict({"x": np.zeros((STEPS, 2, WIDTH), np.float32)})
    assert answer["y"].shape == (STEPS, 1, 2, 2)


def test_arrays_without_elements_are_answered_where_both_models_answer(tmp_path: Path) -> None:
    source = tmp_path / "linear.onnx"
    source.write_bytes(linear_bytes())
    spec = ModelSpec("linear", source)
    conversion = limited("linear", CONVERTER.convert(spec))
    assert not conversion.domains
    assert conversion.reference({"x": rows()[:0]})["scores"].shape == (0, 4)
    assert rows().shape[1] == FEATURES


@needs("pytorch", "torch", "onnxscript")
def test_a_network_whose_layers_treat_nan_otherwise_refuses_it() -> None:
    import torch

    from tests.model_packaging.converters.pytorch.test_export import converted, spec_of

    inputs = {"x": InputShape(("batch", 3, 8))}
    conversion = limited("m", converted(torch.nn.MaxPool1d(2).eval(), inputs))
    assert conversion.domains["x"].missing is False
    check(spec_of(inputs), conversion)
