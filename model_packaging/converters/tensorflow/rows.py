"""Rows that are picked by number: ONNX counts a negative one from the end, TensorFlow does not.

TensorFlow refuses it, as it refuses one that is too high; of `one_hot` it makes zeros.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_INT64 = 7
"""ONNX's number of the type."""
_NUMBERS = {"Gather": 1, "GatherND": 1, "OneHot": 0}
"""Operators that pick by number, and their input that has the numbers."""
_OF_EXPORTER = re.compile(r"__\d+$")
"""How names end of operators that tf2onnx adds; it may count from the end on purpose."""
_BEYOND, _ZERO = "lading_row_beyond_all", "lading_row_zero"


def refuse_negative_rows(model: "ModelProto") -> None:
    """Make one beyond all rows of each negative number: the runtime treats that as TensorFlow does.

    Only in the main graph: in the body of a loop numbers are the loop's own.
    """
    from onnx import helper

    graph = model.graph
    constants = {each.name for each in graph.initializer}
    nodes = [part for node in graph.node for part in _guarded(node, constants)]
    if len(nodes) == len(graph.node):
        return
    graph.ClearField("node")
    graph.node.extend(nodes)
    for name, value in ((_BEYOND, (1 << 63) - 1), (_ZERO, 0)):
        graph.initializer.append(helper.make_tensor(name, _INT64, [], [value]))


def _guarded(node: "NodeProto", constants: set[str]) -> "Iterator[NodeProto]":
    """The node, behind those that replace negative numbers where it picks by number."""
    from onnx import helper

    place = _NUMBERS.get(node.op_type)
    of_model = place is not None and not _OF_EXPORTER.search(node.name)
    if place is not None and of_model and node.input[place] not in constants:
        row, below, safe = (f"{node.output[0]}_lading_{part}" for part in ("row", "below", "safe"))
        yield helper.make_node("Cast", [node.input[place]], [row], to=_INT64)
        yield helper.make_node("Less", [row, _ZERO], [below])
        yield helper.make_node("Where", [below, _BEYOND, row], [safe])
        node.input[place] = safe
    yield node
