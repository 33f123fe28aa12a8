"""Which step of a switch or of a splitter answers each row of a request.

A switch compares values of its tensors. A splitter hashes the values of its key and divides the
results by the shares of its steps: equal values go the same way in every process, so a caller who
sends the same key gets the same model. Nothing is random.
"""

import operator
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from itertools import accumulate
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from lading.functions.contract.errors import NoRouteMatched
from lading.functions.inference.artifact.graph_nodes import Comparison, GraphNode
from lading.functions.inference.tensors.conversion import Array

NOWHERE: Final = -1
"""Instead of the place of a step: no step answers this row."""

_BITS = 64

_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")}
)

Route = Callable[[Mapping[str, Array], int], Sequence[int]]
"""Returns, for each of so many rows, the place of the step that answers it."""


def route_of(name: str, node: GraphNode) -> Route:
    """Return how the node of this name finds the step for a row."""
    return _splitter(name, node) if node.kind == "splitter" else _switch(name, node)


def _switch(name: str, node: GraphNode) -> Route:
    def route(tensors: Mapping[str, Array], rows: int) -> Sequence[int]:
        values = {
            tensor: _column(tensors[tensor], rows) for tensor in node.inputs if tensor in compared
        }
        places = np.full(rows, NOWHERE)
        for place, step in reversed([*enumerate(node.steps)]):
            holds = np.ones(rows, np.bool_)
            for each in step.when:
                holds &= _holds(each, values[each.tensor])
            places[holds] = place
        if (places == NOWHERE).any():
            row = int(np.argmax(places == NOWHERE))
            raise NoRouteMatched(name, {each: _plain(values[each][row]) for each in compared})
        return [int(place) for place in places]

    compared = tuple(dict.fromkeys(each.tensor for step in node.steps for each in step.when))
    return route


def _holds(condition: Comparison, column: Array) -> Any:
    value = condition.value
    if condition.comparison == "in":
        found = np.zeros(len(column), np.bool_)
        for each in value:
            found |= column == _as_value(each)
        return found
    return _COMPARE[condition.comparison](column, _as_value(value))


def _as_value(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _splitter(name: str, node: GraphNode) -> Route:
    ends = [*accumulate(step.share for step in node.steps)][:-1]
    salt = name.encode()

    def route(tensors: Mapping[str, Array], rows: int) -> Sequence[int]:
        keys = [tensors[tensor] for tensor in node.key]
        return [bisect_right(ends, _fraction(salt, keys, row, rows)) for row in range(rows)]

    return route


def _fraction(salt: bytes, keys: Sequence[Array], row: int, rows: int) -> float:
    """Return a number from 0 to below 1 that depends on nothing but the values of the keys."""
    state = blake2b(salt, digest_size=_BITS // 8)
    for key in keys:
        value = key[row] if rows > 1 or (key.ndim and len(key) == 1) else key
        state.update(_content(np.asarray(value)))
    return int.from_bytes(state.digest(), "big") / (1 << _BITS)


def _content(value: Array) -> bytes:
    """Return the bytes of a value, so that different values have different ones."""
    items = [value.tobytes()] if value.dtype != np.object_ else value.ravel().tolist()
    return b"".join(len(item).to_bytes(8, "big") + item for item in items)


def _column(array: Array, rows: int) -> Array:
    """Return the one value of each row.

    Raises:
        ValueError: a row has more values.
    """
    if array.size != rows:
        raise ValueError(f"a switch needs one value in each row, not the shape {list(array.shape)}")
    return np.asarray(array).reshape(rows)


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return value.decode(errors="replace") if isinstance(value, bytes) else value
