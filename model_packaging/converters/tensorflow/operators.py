"""Operators of TensorFlow that tf2onnx lacks, as operators of ONNX that compute the same."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.converters.tensorflow.frozen import Table

Handlers = dict[str, tuple[Callable[..., None], list[Any]]]
"""Operator -> the function that tf2onnx calls with its graph and the node; the list is empty."""

_ML = "ai.onnx.ml"
_COMPARED = tuple(map(np.dtype, (np.float32, np.float64, np.int32, np.int64)))
"""Types that the runtime can compare and sort."""
_TEXT = 8
"""ONNX's number of the type STRING."""


class _Nodes:
    """Adds the nodes that replace one operator.

    Args:
        context: tf2onnx's graph.
        name: the operator's name.
        dtype: numpy's dtype of the operator's first input.
    """

    def __init__(self, context: Any, name: str, dtype: Any) -> None:
        self._context, self._name, self.dtype = context, name, np.dtype(dtype)

    def __call__(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node, and return the name of its output."""
        made = self._context.make_node(operator, list(inputs), attr=attributes, domain=domain)
        return str(made.output[0])

    def constant(self, value: Any, dtype: Any = None) -> str:
        """Add a constant, of the first input's dtype by default."""
        from tf2onnx import utils

        array = np.asarray(value, dtype or self.dtype)
        return str(self._context.make_const(utils.make_name(self._name), array).output[0])

    def cast(self, name: str, dtype: Any) -> str:
        """Add a cast to a numpy dtype."""
        from tf2onnx import utils

        return self("Cast", name, to=utils.map_numpy_to_onnx_dtype(np.dtype(dtype)))


Build = Callable[..., str]
"""Accepts `_Nodes`, the operator's node and its inputs' names; returns its result's name."""


def _ordered(operator: str) -> Build:
    """Return a comparison of numbers in their own type: tf2onnx converts integers to float32."""

    def build(nodes: _Nodes, _: Any, x: str, y: str) -> str:
        if nodes.dtype not in _COMPARED or nodes.dtype.kind != "f":
            # Integers always: tf2onnx later changes the type of a loop's counter.
            wider = _wider(nodes.dtype)
            x, y = nodes.cast(x, wider), nodes.cast(y, wider)
        return nodes(operator, x, y)

    return build


def _wider(dtype: "np.dtype[Any]") -> type[np.generic]:
    """Return a type that has every value of this one, and that the runtime can compare."""
    return np.float32 if dtype.kind == "f" else np.int64


def _erfc(nodes: _Nodes, _: Any, x: str) -> str:
    return nodes("Sub", nodes.constant(1), nodes("Erf", x))


def _expm1(nodes: _Nodes, _: Any, x: str) -> str:
    return nodes("Sub", nodes("Exp", x), nodes.constant(1))


def _log1p(nodes: _Nodes, _: Any, x: str) -> str:
    return nodes("Log", nodes("Add", nodes.constant(1), x))


def _reciprocal(nodes: _Nodes, _: Any, x: str) -> str:
    return nodes("Reciprocal", x)


def _truncate_mod(nodes: _Nodes, _: Any, x: str, y: str) -> str:
    return nodes("Mod", x, y, fmod=1)


def _floor_div(nodes: _Nodes, _: Any, x: str, y: str) -> str:
    """Divide and round down; ONNX rounds integers towards zero."""
    divided = nodes("Div", x, y)
    if nodes.dtype.kind == "f":
        return nodes("Floor", divided)
    rest = nodes("Sub", x, nodes("Mul", divided, y))
    return nodes("Sub", divided, nodes.cast(_signs_differ(nodes, rest, y), nodes.dtype))


def _signs_differ(nodes: _Nodes, rest: str, y: str) -> str:
    """Return whether a remainder is not 0, and its sign is not the divisor's."""
    apart = nodes("Xor", *(nodes("Less", each, nodes.constant(0)) for each in (rest, y)))
    return nodes("And", nodes("Not", nodes("Equal", rest, nodes.constant(0))), apart)


def _floor_mod(nodes: _Nodes, _: Any, x: str, y: str) -> str:
    """Compute the remainder with the divisor's sign; for floats ONNX has only the dividend's."""
    if nodes.dtype.kind != "f":
        return nodes("Mod", x, y)
    rest = nodes("Mod", x, y, fmod=1)
    return nodes("Where", _signs_differ(nodes, rest, y), nodes("Add", rest, y), rest)


def _xlogy(nodes: _Nodes, _: Any, x: str, y: str) -> str:
    return _zero_where_zero(nodes, x, nodes("Mul", x, nodes("Log", y)))


def _xlog1py(nodes: _Nodes, node: Any, x: str, y: str) -> str:
    return _zero_where_zero(nodes, x, nodes("Mul", x, _log1p(nodes, node, y)))


def _xdivy(nodes: _Nodes, _: Any, x: str, y: str) -> str:
    return _zero_where_zero(nodes, x, nodes("Div", x, y))


def _mul_no_nan(nodes: _Nodes, _: Any, x: str, y: str) -> str:
    return _zero_where_zero(nodes, y, nodes("Mul", x, y))


def _zero_where_zero(nodes: _Nodes, x: str, result: str) -> str:
    """Return the result, or 0 where `x` is 0, even if the result is NaN or infinite."""
    zero = nodes.constant(0)
    return nodes("Where", nodes("Equal", x, zero), zero, result)


def _bucketize(nodes: _Nodes, node: Any, x: str) -> str:
    """Count the boundaries that are not above x; NaN is above all, as in TensorFlow's search."""
    boundaries = np.asarray(node.get_attr_value("boundaries"), np.float32)
    if nodes.dtype != np.float64:
        nodes.dtype, x = np.dtype(np.float32), nodes.cast(x, np.float32)
    last = nodes.constant([-1], np.int64)
    below = nodes("Less", nodes("Unsqueeze", x, last), nodes.constant(boundaries))
    passed = nodes.cast(nodes("Not", below), np.int32)
    return nodes("ReduceSum", passed, last, keepdims=0)


def _dense_bincount(nodes: _Nodes, node: Any, x: str, size: str, weights: str) -> str:
    """Count each number below `size` in a row; with `binary_output`, 1 if it occurs.

    Higher numbers are ignored. A negative one is refused: it picks no row of a one-row constant.
    """
    counted = node.output_dtypes[0]
    x, size = nodes.cast(x, np.int64), nodes.cast(size, np.int64)
    zero, one, last = (nodes.constant(value, np.int64) for value in (0, 1, [-1]))
    first = nodes("Where", nodes("Less", x, zero), one, zero)
    x = nodes("Add", x, nodes("Gather", nodes.constant([0], np.int64), first))
    numbers = nodes("Range", zero, nodes("Reshape", size, nodes.constant([], np.int64)), one)
    hits = nodes("Cast", nodes("Equal", nodes("Unsqueeze", x, last), numbers), to=counted)
    if node.get_attr_value("binary_output"):
        return nodes("ReduceMax", hits, axes=[-2], keepdims=0)
    if np.prod(node.inputs[2].get_tensor_value(as_list=False).shape):
        hits = nodes("Mul", hits, nodes("Unsqueeze", weights, last))
    return nodes("ReduceSum", hits, nodes.constant([-2], np.int64), keepdims=0)


def _gelu(nodes: _Nodes, node: Any, x: str) -> str:
    """Compute TFLite's gelu, exactly or with tanh."""
    if node.get_attr_value("approximate"):
        cube = nodes("Mul", nodes("Mul", x, x), x)
        inner = nodes("Add", x, nodes("Mul", cube, nodes.constant(0.044715)))
        part = nodes("Tanh", nodes("Mul", inner, nodes.constant(np.sqrt(2 / np.pi))))
    else:
        part = nodes("Erf", nodes("Mul", x, nodes.constant(np.sqrt(0.5))))
    half = nodes("Mul", x, nodes.constant(0.5))
    return nodes("Mul", half, nodes("Add", part, nodes.constant(1)))


_BUILDS: Mapping[str, Build] = {
    "Bucketize": _bucketize,
    "DenseBincount": _dense_bincount,
    "Erfc": _erfc,
    "Expm1": _expm1,
    "FloorDiv": _floor_div,
    "FloorMod": _floor_mod,
    "Greater": _ordered("Greater"),
    "Less": _ordered("Less"),
    "Inv": _reciprocal,
    "Log1p": _log1p,
    "MulNoNan": _mul_no_nan,
    "Reciprocal": _reciprocal,
    "TFL_GELU": _gelu,
    "TruncateMod": _truncate_mod,
    "Xdivy": _xdivy,
    "Xlog1py": _xlog1py,
    "Xlogy": _xlogy,
}


def handlers(tables: Mapping[str, Table]) -> Handlers:
    """Return tf2onnx's handlers of operators that it lacks."""
    known: Handlers = {name: (partial(_replace, build), []) for name, build in _BUILDS.items()}
    others: dict[str, Callable[..., None]] = {
        "Equal": _equal,
        "NotEqual": _equal,
        "LookupTableFindV2": partial(_find, tables),
        "TopKV2": _top_k,
    }
    return {**known, **{name: (handler, []) for name, handler in others.items()}}


def _replace(build: Build, context: Any, node: Any, *_: Any) -> None:
    """Replace an operator with the nodes that `build` adds."""
    dtype = _numpy(context, node.input[0])
    _put(context, node, lambda nodes: build(nodes, node, *node.input), dtype)


def _numpy(context: Any, name: str) -> Any:
    """Return numpy's type of a tensor."""
    from tf2onnx import utils

    return utils.map_onnx_to_numpy_type(context.get_dtype(name))


def _put(context: Any, node: Any, build: Callable[[_Nodes], str], dtype: Any) -> None:
    outputs, shapes, dtypes = node.output[:], node.output_shapes, node.output_dtypes
    result = build(_Nodes(context, node.name, dtype))
    context.remove_node(node.name)
    context.make_node(
        "Identity", [result], name=node.name, outputs=outputs, shapes=shapes, dtypes=dtypes
    )


def _top_k(context: Any, node: Any, *_: Any) -> None:
    """Find the largest of a row in their own type: tf2onnx converts them to float32."""
    outputs, shapes, dtypes = node.output[:], node.output_shapes, node.output_dtypes
    x, count = node.input
    dtype = np.dtype(_numpy(context, x))
    context.remove_node(node.name)
    nodes = _Nodes(context, node.name, dtype)
    compared = x if dtype in _COMPARED else nodes.cast(x, _wider(dtype))
    length = nodes("Reshape", nodes.cast(count, np.int64), nodes.constant([1], np.int64))
    made = context.make_node("TopK", [compared, length], attr={"axis": -1}, output_count=2)
    for place, output in enumerate(outputs):
        context.make_node(
            "Cast",
            [made.output[place]],
            attr={"to": dtypes[place]},
            outputs=[output],
            shapes=[shapes[place]],
            dtypes=[dtypes[place]],
        )


def _equal(context: Any, node: Any, *_: Any) -> None:
    """Compare texts with a constant one, by a LabelEncoder; tf2onnx would convert them to numbers.

    A comparison of texts with each other has no ONNX form, and is refused by the new name.
    """
    from tf2onnx.onnx_opset import logical

    if not any(context.get_dtype(name) == _TEXT for name in node.input):
        logical.Equal.version_11(context, node)
        return
    constants = [place for place, each in enumerate(node.inputs) if each.is_const()]
    if not constants or node.inputs[constants[0]].get_tensor_value(as_list=False).size != 1:
        node.type = f"{node.type}OfTexts"
        return
    value = node.inputs[constants[0]].get_tensor_value(as_list=False).reshape(1)
    attributes = {"keys_strings": _scalars(value), "values_int64s": [1], "default_int64": 0}

    def build(nodes: _Nodes) -> str:
        text = node.input[1 - constants[0]]
        found = nodes.cast(nodes("LabelEncoder", text, domain=_ML, **attributes), np.bool_)
        return nodes("Not", found) if node.type == "NotEqual" else found

    _put(context, node, build, np.dtype(np.object_))


def _find(tables: Mapping[str, Table], context: Any, node: Any, *_: Any) -> None:
    """Replace a search in a lookup table with a LabelEncoder.

    An operator whose table is unknown stays as it is, and is refused by its name.
    """
    from tf2onnx import utils

    source, default = node.inputs[0], node.inputs[2]
    while source.type == "Identity":
        source = source.inputs[0]
    table = tables.get(source.name)
    if table is None or not default.is_const() or not _is_encodable(table):
        return
    otherwise = np.asarray(default.get_tensor_value(as_list=False)).reshape(1)
    dtype = utils.map_onnx_to_numpy_type(context.get_dtype(node.output[0]))

    def build(nodes: _Nodes) -> str:
        x = node.input[1]
        attributes = {
            f"keys_{_kind(table.keys)}s": _scalars(table.keys),
            f"values_{_kind(table.values)}s": _scalars(table.values),
            f"default_{_kind(table.values)}": _scalars(otherwise)[0],
        }
        x = nodes.cast(x, np.int64) if _kind(table.keys) == "int64" else x
        found = nodes("LabelEncoder", x, domain=_ML, **attributes)
        return found if _kind(table.values) == "string" else nodes.cast(found, dtype)

    _put(context, node, build, dtype)


def _is_encodable(table: Table) -> bool:
    sides = (table.keys, table.values)
    return all(array.dtype.kind in "iSUO" or array.dtype == np.float32 for array in sides)


def _kind(array: Array) -> str:
    """Return LabelEncoder's word for a type."""
    return {"i": "int64", "f": "float"}.get(array.dtype.kind, "string")


def _scalars(array: Array) -> list[Any]:
    """Return the values as attributes of ONNX require them; text is UTF-8."""
    return [each.encode() if isinstance(each, str) else each for each in array.tolist()]
