from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lading.functions.inference.models.session import OnnxSession
from lading.model_packaging.check.probes import Probe
from lading.model_packaging.check.probing import BASE, SINGLES
from lading.model_packaging.check.trial import TrialRows, Unfit
from tests.model_packaging.quantization.graphs import WIDTH, B, W, graph, normal

ROWS = {"x": normal(30, WIDTH)}
ALONE = {"x": normal(1, WIDTH, seed=1)}
HUGE = {"x": 1e6 * normal(3, WIDTH)}
PROBES = [Probe(BASE, ROWS), Probe(SINGLES, ALONE), Probe("large values in 'x'", HUGE)]


def scores() -> onnx.ModelProto:
    """Scores of 64 classes, and the best of them."""
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["s"]),
        helper.make_node("Identity", ["s"], ["y"]),
        helper.make_node("ArgMax", ["s"], ["label"], axis=1, keepdims=0),
    ]
    model = graph(nodes, w=W, b=B)
    model.graph.output.append(helper.make_tensor_value_info("label", TensorProto.INT64, None))
    return model


def trial() -> TrialRows:
    return TrialRows(OnnxSession, PROBES)


def damaged(damage: Callable[[onnx.ModelProto], None]) -> bytes:
    model = scores()
    damage(model)
    return bytes(model.SerializeToString())


def scaled(name: str, factor: float, start: int = 0) -> Callable[[onnx.ModelProto], None]:
    """Multiply the weights of a name from a place on."""

    def damage(model: onnx.ModelProto) -> None:
        weight = next(each for each in model.graph.initializer if each.name == name)
        array = numpy_helper.to_array(weight).copy()
        array[start:] *= np.float32(factor)
        weight.CopyFrom(numpy_helper.from_array(array, name))

    return damage


def other_output(model: onnx.ModelProto) -> None:
    model.graph.node[1].output[0] = model.graph.output[0].name = "z"


def other_dtype(model: onnx.ModelProto) -> None:
    model.graph.node[1].CopyFrom(helper.make_node("Cast", ["s"], ["y"], to=TensorProto.DOUBLE))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.DOUBLE, None))


def other_shape(model: onnx.ModelProto) -> None:
    model.graph.node[1].CopyFrom(helper.make_node("Transpose", ["s"], ["y"], perm=[1, 0]))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, None))


def one_batch(model: onnx.ModelProto) -> None:
    """Only batches of 30 rows can be added to such a bias."""
    bias = next(each for each in model.graph.initializer if each.name == "b")
    bias.CopyFrom(numpy_helper.from_array(normal(30, WIDTH), "b"))
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "rows"


def broken(model: onnx.ModelProto) -> None:
    model.graph.node[0].op_type = "NoSuchOperator"


def square_root(model: onnx.ModelProto) -> None:
    """Of negative numbers there is none."""
    model.graph.node[1].op_type = "Sqrt"


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (other_output, "returns other outputs for typical rows: z, label"),
        (other_dtype, "answers float64 of shape [30, 64] in 'y'"),
        (other_shape, "answers float32 of shape [64, 30] in 'y' for typical rows"),
        (one_batch, "cannot answer one row at a time"),
        (broken, "cannot be loaded"),
        (square_root, "answers NaN or infinity in 'y' for typical rows"),
        (scaled("w", -1), "answers too differently in 'y'"),
        (scaled("w", 0), "answers too differently in 'y'"),
        (scaled("w", 4, start=40), "answers too differently in 'y'"),
    ],
)
def test_a_model_that_cannot_stand_in_for_the_other_is_refused(
    damage: Callable[[onnx.ModelProto], None], text: str
) -> None:
    with pytest.raises(Unfit) as caught:
        trial().of(damaged(lambda _: None)).compare(damaged(damage))
    assert text in str(caught.value)


def test_labels_must_mostly_stay() -> None:
    def other_labels(model: onnx.ModelProto) -> None:
        model.graph.node[2].op_type = "ArgMin"

    with pytest.raises(Unfit, match="too differently in 'label'"):
        trial().of(damaged(lambda _: None)).compare(damaged(other_labels))


def test_how_far_answers_may_be_is_for_the_stage_to_say() -> None:
    baseline, model = trial().of(damaged(lambda _: None)), damaged(scaled("w", -1))
    tried = baseline.compare(model, far=10)
    assert tried.differences["y"] > 1
    assert tried.differences["label"] > 0.9
    with pytest.raises(Unfit, match=r"by 0.01 of the spread of its answers, 0\.001 is allowed"):
        baseline.compare(damaged(scaled("w", 1.01)), far=0.001)


def test_the_same_model_differs_by_nothing() -> None:
    tried = trial().of(damaged(lambda _: None)).compare(damaged(lambda _: None))
    assert tried.differences == {"y": 0.0, "label": 0.0}
    assert tried.overflows == ()


def test_a_difference_is_told_by_what_answers_vary_by() -> None:
    tried = trial().of(damaged(lambda _: None)).compare(damaged(scaled("w", 1.01)))
    assert tried.differences["y"] == pytest.approx(0.01, rel=0.1)


def test_answers_that_hardly_differ_from_zero_may_be_any_such() -> None:
    """Of a classifier that is sure, on made-up rows, the other classes have such numbers."""
    nearly = [damaged(scaled_output(size)) for size in (1e-9, -3e-9)]
    assert trial().of(nearly[0]).compare(nearly[1]).differences["y"] == 0
    apart = [damaged(scaled_output(size)) for size in (1e-2, -3e-2)]
    with pytest.raises(Unfit):
        trial().of(apart[0]).compare(apart[1])


def scaled_output(size: float) -> Callable[[onnx.ModelProto], None]:
    def damage(model: onnx.ModelProto) -> None:
        model.graph.node[1].CopyFrom(helper.make_node("Mul", ["s", "size"], ["y"]))
        factor = numpy_helper.from_array(np.full(1, size, "f"), "size")
        model.graph.initializer.append(factor)

    return damage


def test_numbers_lost_on_rows_far_larger_than_usual_are_told_and_allowed() -> None:
    def squared(model: onnx.ModelProto) -> None:
        """Beyond float32 for the largest rows."""
        model.graph.node[1].CopyFrom(helper.make_node("Mul", ["s", "big"], ["t"]))
        model.graph.node.append(helper.make_node("Div", ["t", "big"], ["y"]))
        model.graph.initializer.append(
            numpy_helper.from_array(np.float32(1e33) * np.ones(1, "f"), "big")
        )

    tried = trial().of(damaged(lambda _: None)).compare(damaged(squared))
    assert tried.overflows == ("large values in 'x'",)


def test_rows_that_the_model_itself_refuses_are_left_out() -> None:
    narrow = {"x": normal(2, 3)}
    probes = [Probe("free axes of size 3", narrow), *PROBES]
    tried = (
        TrialRows(OnnxSession, probes).of(damaged(lambda _: None)).compare(damaged(lambda _: None))
    )
    assert tried.differences["y"] == 0
