import numpy as np
import pytest
from onnx import checker, helper

from lading.functions.inference.models.session import OnnxSession
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.onnx_graph import (
    name_axes,
    rename,
    require_finite_weights,
    require_known_operators,
    strip,
)
from tests.model_packaging.models import linear, linear_bytes, rows, weights


def test_notes_of_exporters_are_taken_out() -> None:
    model = linear()
    clean = model.SerializeToString()
    for part in (model, model.graph, model.graph.node[0], model.graph.input[0]):
        part.doc_string = "made in /home/someone"
        part.metadata_props.add(key="stack_trace", value="/home/someone")
    strip(model)
    assert model.SerializeToString() == clean


def test_free_axes_are_named_wherever_their_symbol_stands_and_fixed_ones_stay() -> None:
    model = linear()
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = "s77"
    name_axes(model, {"x": {0: "rows", 1: "columns"}})
    sizes = [
        value.type.tensor_type.shape.dim for value in (model.graph.input[0], model.graph.output[0])
    ]
    assert [(dims[0].dim_param, dims[1].dim_value) for dims in sizes] == [("rows", 16), ("rows", 4)]


def test_symbols_that_exporters_number_are_numbered_anew() -> None:
    model = linear()
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "unk__77"
    name_axes(model, {"x": {0: "rows"}})
    assert model.graph.output[0].type.tensor_type.shape.dim[0].dim_param == "free_1"


def test_inputs_and_outputs_are_renamed_wherever_they_stand() -> None:
    model = linear()
    rename(model, ["scores"], ["weight"])
    checker.check_model(model, full_check=True)
    found = OnnxSession(model.SerializeToString()).run({"scores": rows()})
    assert np.allclose(found["weight"], rows() @ weights(), atol=1e-5)


def test_operators_that_an_exporter_left_are_named() -> None:
    require_known_operators("linear", linear())
    with pytest.raises(ConversionError, match="ONNX lacks Lgamma; compute that outside the model"):
        require_known_operators("linear", linear(operator="Lgamma"))


def test_an_operator_inside_a_branch_is_named_with_its_place() -> None:
    node = helper.make_node("Erfinv", ["x"], ["y"], name="layer/Erfinv")
    branch = helper.make_graph([node], "branch", [], [])
    model = linear()
    model.graph.node.add(op_type="If").attribute.append(
        helper.make_attribute("then_branch", branch)
    )
    with pytest.raises(ConversionError, match=r"ONNX lacks Erfinv; .* has it at 'layer/Erfinv'"):
        require_known_operators("linear", model)


def test_weights_with_nan_are_refused_by_name() -> None:
    require_finite_weights("linear", linear_bytes())
    bad = weights()
    bad[2, 1:3] = np.nan
    with pytest.raises(ConversionError, match="NaN in 2 of the weights 'weight'; train it again"):
        require_finite_weights("linear", linear_bytes(bad))
