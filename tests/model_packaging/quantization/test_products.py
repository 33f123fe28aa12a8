"""Every scheme on graphs of every kind, beside onnxruntime on the graph as it was."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import onnx
import onnx.version_converter
import pytest

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.errors import QuantizationError
from lading.model_packaging.quantization.registry import SCHEMES
from lading.model_packaging.quantization.scheme import QuantizationPlan, quantize
from tests.model_packaging.quantization import graphs
from tests.model_packaging.quantization.graphs import WIDTH, normal

LOSS = {"dynamic": 0.04, "static": 0.04, "int8": 0.02, "int4": 0.25, "fp16": 0.003}
"""How far an answer may be from the right one, of the largest answer."""

MATRICES = tuple(LOSS)
STACKS = ("dynamic", "static", "fp16")

FLAT, SEQUENCE, IMAGE = (40, WIDTH), (5, 8, WIDTH), (20, 4, 8, 8)


def upgraded(opset: int) -> onnx.ModelProto:
    """As the stage `upgrade` leaves it."""
    return onnx.version_converter.convert_version(graphs.old(opset), 17)


Case = tuple[Callable[[], onnx.ModelProto], tuple[int, ...], tuple[str, ...]]

CASES: dict[str, Case] = {
    **{
        f"Gemm alpha {alpha} beta {beta} transB {turned}": (
            partial(graphs.gemm, alpha=alpha, beta=beta, transB=turned),
            FLAT,
            MATRICES,
        )
        for alpha in (1.0, 0.5, 0.0)
        for beta in (1.0, 3.0, 0.0)
        for turned in (0, 1)
        if alpha or beta
    },
    "Gemm transA": (
        lambda: graphs.graph(
            [
                onnx.helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0]),
                onnx.helper.make_node("Gemm", ["t", "w", "b"], ["y"], transA=1, beta=2.0),
            ],
            w=graphs.W,
            b=graphs.B,
        ),
        FLAT,
        MATRICES,
    ),
    "Gemm without a bias": (lambda: graphs.gemm(None, "x w", alpha=2.0), FLAT, MATRICES),
    "Gemm with one number as bias": (
        lambda: graphs.gemm(np.array(3, "f"), beta=2.0),
        FLAT,
        MATRICES,
    ),
    "Gemm with a bias of two axes": (
        lambda: graphs.gemm(graphs.B.reshape(1, WIDTH)),
        FLAT,
        MATRICES,
    ),
    "Gemm with a bias of one element": (lambda: graphs.gemm(graphs.B[:1]), FLAT, MATRICES),
    "Gemm with a computed bias": (lambda: graphs.gemm(None, "x w x", beta=2.0), FLAT, MATRICES),
    "shared weights": (graphs.shared, FLAT, MATRICES),
    "embedding": (graphs.embedding, FLAT, MATRICES),
    "embedding along the second axis": (lambda: graphs.embedding(1), FLAT, MATRICES),
    "tied embedding": (lambda: graphs.embedding(tied=True), FLAT, MATRICES),
    "If": (graphs.branches, FLAT, MATRICES),
    "Loop": (graphs.loop, FLAT, MATRICES),
    "Scan": (graphs.scan, (6, 3, WIDTH), MATRICES),
    "LSTMs that share weights": (graphs.recurrent, SEQUENCE, ("dynamic", "fp16")),
    "LSTMs in both directions": (
        lambda: graphs.recurrent(bidirectional=True),
        SEQUENCE,
        ("dynamic", "fp16"),
    ),
    "Conv": (lambda: graphs.convolution(pads=[1, 1, 1, 1]), IMAGE, STACKS),
    "Conv with auto_pad": (
        lambda: graphs.convolution(auto_pad="SAME_UPPER", strides=[2, 2]),
        IMAGE,
        STACKS,
    ),
    "Conv in groups": (lambda: graphs.convolution(group=4), IMAGE, STACKS),
    "Conv of one axis": (lambda: graphs.convolution(1), (20, 4, 8), STACKS),
    "Conv of three axes": (lambda: graphs.convolution(3), (4, 4, 8, 8, 8), STACKS),
    "Conv that share weights": (graphs.two_convolutions, IMAGE, STACKS),
    "ConvTranspose": (
        lambda: graphs.convolution(operator="ConvTranspose"),
        IMAGE,
        ("static", "fp16"),
    ),
    "ConvTranspose in groups": (
        lambda: graphs.convolution(operator="ConvTranspose", group=2),
        IMAGE,
        ("fp16",),
    ),
    "weights of three axes": (lambda: graphs.stack(3, WIDTH, WIDTH), (4, 3, 5, WIDTH), STACKS),
    "weights of four axes": (lambda: graphs.stack(2, 3, WIDTH, 8), (4, 2, 3, 5, WIDTH), STACKS),
    "a stack of one matrix": (lambda: graphs.stack(1, WIDTH, WIDTH), (4, 1, 5, WIDTH), STACKS),
    "mask of float32's lowest number": (graphs.masked, FLAT, MATRICES),
    "numbers of other sizes": (lambda: graphs.scaled(300), FLAT, MATRICES),
    **{f"operator set {opset}": (partial(upgraded, opset), FLAT, MATRICES) for opset in (7, 8, 9)},
    "IR 3": (
        lambda: graphs.graph(
            [onnx.helper.make_node("Gemm", ["x", "w", "b"], ["y"], beta=2.0)],
            ir=3,
            w=graphs.W,
            b=graphs.B,
        ),
        FLAT,
        MATRICES,
    ),
}


def run(model: bytes, rows: Array) -> Array:
    return OnnxSession(model).run({"x": rows})["y"]


@pytest.mark.parametrize("scheme", sorted(LOSS))
@pytest.mark.parametrize("case", CASES)
def test_a_quantized_graph_loses_no_more_than_its_bits(case: str, scheme: str) -> None:
    make, shape, takes = CASES[case]
    content, rows = make().SerializeToString(), normal(*shape, seed=10)
    plan = QuantizationPlan(calibration=[{"x": rows}])
    if scheme not in takes:
        with pytest.raises(QuantizationError, match="nothing to quantize"):
            quantize("net", content, SCHEMES[scheme], plan)
        return
    wanted = run(content, rows)
    found = run(quantize("net", content, SCHEMES[scheme], plan), rows)
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
    assert np.abs(found - wanted).max() < LOSS[scheme] * np.abs(wanted).max()


def whole(*shape: int, seed: int, low: int, high: int) -> Array:
    """Whole numbers from `low` to `high`, both of them in each block of 32 and each column."""
    array = np.random.default_rng(seed).integers(low, high + 1, shape).astype(np.float32)
    array[::32], array[1::32] = low, high
    return array


@pytest.mark.parametrize(
    ("scheme", "low", "high"),
    [("dynamic", -64, 64), ("static", -64, 64), ("int8", -127, 128), ("int4", -7, 8)],
)
@pytest.mark.parametrize("attributes", [{}, {"alpha": 0.5, "beta": 3.0}, {"transB": 1}])
def test_weights_and_rows_that_the_bits_hold_give_the_same_answers(
    scheme: str, low: int, high: int, attributes: dict[str, Any]
) -> None:
    weight = whole(128, WIDTH, seed=1, low=low, high=high)
    weight = np.ascontiguousarray(weight.T) if "transB" in attributes else weight
    nodes = [onnx.helper.make_node("Gemm", ["x", "w", "b"], ["y"], **attributes)]
    model = graphs.graph(nodes, ("batch", 128), w=weight, b=graphs.B).SerializeToString()
    least = 0 if scheme in ("dynamic", "static") else -127
    rows = whole(128, 20, seed=2, low=least, high=least + 255 - (least < 0)).T
    plan = QuantizationPlan(calibration=[{"x": rows}])
    found = run(quantize("net", model, SCHEMES[scheme], plan), rows)
    np.testing.assert_allclose(found, run(model, rows), rtol=1e-5, atol=1e-2)


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("attributes", [{}, {"input_forget": 1}, {"clip": 3.0}])
def test_recurrent_weights_that_the_bits_hold_give_the_same_answers(
    sides: int, attributes: dict[str, Any]
) -> None:
    """One step from a state of zeros: nothing but the weights of the inputs is rounded."""
    hidden = 16
    weight = whole(WIDTH, sides * 4 * hidden, seed=1, low=-64, high=64).T
    weight = weight * np.float32(2) ** np.repeat(np.arange(-8, 0), sides * 8)[:, np.newaxis]
    kind = {"direction": "bidirectional"} if sides == 2 else {}
    taken = ["x", "w", "r", "b"]
    node = onnx.helper.make_node("LSTM", taken, ["", "y"], hidden_size=hidden, **attributes, **kind)
    model = graphs.graph(
        [node],
        ("length", "batch", WIDTH),
        w=weight.reshape(sides, 4 * hidden, WIDTH).astype(np.float32),
        r=normal(sides, 4 * hidden, hidden, seed=2) / 8,
        b=normal(sides, 8 * hidden, seed=3),
    ).SerializeToString()
    rows = whole(WIDTH, 20, seed=4, low=0, high=255).T[np.newaxis] / 1024
    found = run(
        quantize("net", model, SCHEMES["dynamic"], QuantizationPlan()), rows.astype(np.float32)
    )
    np.testing.assert_allclose(found, run(model, rows.astype(np.float32)), atol=1e-5)


def test_each_channel_of_a_static_convolution_has_a_scale_of_its_own() -> None:
    weight = whole(36, 8, seed=3, low=-64, high=64).T.reshape(8, 4, 3, 3)
    weight = weight * np.float32(2) ** np.arange(-4, 4, dtype="f").reshape(8, 1, 1, 1)
    nodes = [onnx.helper.make_node("Conv", ["x", "w"], ["y"])]
    model = graphs.graph(nodes, ("batch", 4, 8, 8), w=weight).SerializeToString()
    rows = whole(256, 6, seed=4, low=0, high=255).T.reshape(6, 4, 8, 8)
    plan = QuantizationPlan(calibration=[{"x": rows}])
    wanted = run(model, rows)
    found = run(quantize("net", model, SCHEMES["static"], plan), rows)
    step = (wanted.max() - wanted.min()) / 255  # the answer, too, has 8 bits
    assert np.abs(found - wanted).max() < 0.51 * step


@pytest.mark.parametrize("scheme", sorted(LOSS))
def test_a_row_that_is_all_padding_has_an_answer(scheme: str) -> None:
    """Of float32's lowest number alone, all places count alike; float16 has no such number."""
    model, rows = graphs.masked(1).SerializeToString(), normal(*FLAT)
    plan = QuantizationPlan(calibration=[{"x": rows}])
    found = run(quantize("net", model, SCHEMES[scheme], plan), rows)
    assert np.isfinite(found).all()
    if scheme != "fp16":
        wanted = run(model, rows)
        assert np.abs(found - wanted).max() < LOSS[scheme] * np.abs(wanted).max()


def test_an_excluded_product_stays_as_it_is_whatever_follows_it() -> None:
    """`static` fuses a product with the sum behind it, under another name."""
    nodes = [
        onnx.helper.make_node("MatMul", ["x", "w"], ["a"], name="first"),
        onnx.helper.make_node("Add", ["a", "b"], ["s"]),
        onnx.helper.make_node("MatMul", ["s", "v"], ["y"], name="second"),
    ]
    model = graphs.graph(nodes, w=graphs.W, b=graphs.B, v=graphs.V).SerializeToString()
    plan = QuantizationPlan(("first",), [{"x": normal(*FLAT)}])
    kept = onnx.load_model_from_string(quantize("net", model, SCHEMES["static"], plan))
    weights = {each.name: each.data_type for each in kept.graph.initializer}
    assert weights["w"] == onnx.TensorProto.FLOAT
    assert "v" not in weights
