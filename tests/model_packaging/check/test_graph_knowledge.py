import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lading.model_packaging.check.graph_knowledge import with_ids
from lading.model_packaging.check.probes import Known


def embedding(*before: str, axis: int = 0) -> bytes:
    """A graph that picks rows of two weights by one input, after these operators."""
    names = ["ids", *(f"step_{number}" for number in range(len(before)))]
    steps = [helper.make_node(each, [names[at]], [names[at + 1]]) for at, each in enumerate(before)]
    for cast in (step for step in steps if step.op_type == "Cast"):
        cast.attribute.add().CopyFrom(helper.make_attribute("to", TensorProto.INT64))
    picks = [
        helper.make_node("Gather", [weight, names[-1]], [f"{weight}_rows"], axis=axis)
        for weight in ("large", "small")
    ]
    graph = helper.make_graph(
        [*steps, *picks],
        "g",
        [helper.make_tensor_value_info("ids", TensorProto.INT32, ["batch"])],
        [helper.make_tensor_value_info("small_rows", TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(np.zeros((size, 4), np.float32), name)
            for name, size in (("large", 100), ("small", 30))
        ],
    )
    return bytes(helper.make_model(graph).SerializeToString())


@pytest.mark.parametrize("before", [(), ("Cast",), ("Cast", "Identity"), ("Abs",)])
def test_ids_go_to_the_last_row_of_the_smallest_weight(before: tuple[str, ...]) -> None:
    assert with_ids({}, embedding(*before)) == {"ids": Known(highest=29)}


def test_values_that_are_computed_first_tell_nothing() -> None:
    assert with_ids({}, embedding("Neg")) == {}


def test_columns_of_a_weight_are_no_ids() -> None:
    assert with_ids({}, embedding(axis=1)) == {}


def columns(*splits: onnx.NodeProto) -> bytes:
    """A graph that picks rows of two weights by two of three columns of one input."""
    graph = helper.make_graph(
        [
            *splits,
            helper.make_node("Gather", ["large", "one"], ["large_rows"]),
            helper.make_node("Gather", ["small", "two"], ["small_rows"]),
        ],
        "g",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", 3])],
        [
            helper.make_tensor_value_info(f"{name}_rows", TensorProto.FLOAT, None)
            for name in ("large", "small")
        ],
        [
            *(
                numpy_helper.from_array(np.zeros((size, 4), np.float32), name)
                for name, size in (("large", 100), ("small", 30))
            ),
            *(
                numpy_helper.from_array(np.array(value), name)
                for name, value in {
                    "k0": 0,
                    "k2": 2,
                    "s0": [0],
                    "s1": [1],
                    "s2": [2],
                    "s3": [3],
                }.items()
            ),
        ],
    )
    opsets = [helper.make_opsetid("", 17)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


make = helper.make_node


@pytest.mark.parametrize(
    "splits",
    [
        [
            make("Gather", ["ids", "k0"], ["one"], axis=1),
            make("Gather", ["ids", "k2"], ["two"], axis=1),
        ],
        [
            make("Slice", ["ids", "s0", "s1", "s1"], ["one"]),
            make("Slice", ["ids", "s2", "s3", "s1"], ["two"]),
        ],
        [make("Split", ["ids"], ["one", "other", "two"], axis=1)],
        [
            make("Transpose", ["ids"], ["turned"]),
            make("Gather", ["turned", "k0"], ["one"]),
            make("Gather", ["turned", "k2"], ["two"]),
        ],
    ],
)
def test_each_column_has_the_ids_of_its_own_weight(splits: list[onnx.NodeProto]) -> None:
    known = with_ids({}, columns(*splits))["ids"]
    assert [column.typical for column in known.columns] == [(0, 99), (), (0, 29)]


def test_what_the_converter_says_counts_first() -> None:
    known = {"ids": Known(highest=5)}
    assert with_ids(known, embedding()) == known
