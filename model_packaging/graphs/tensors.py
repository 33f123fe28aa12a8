"""What a graph's tensors are: which datatype and shape each step needs, and what it is given."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lading.functions.contract.errors import brief
from lading.functions.inference.artifact.graph_nodes import Comparison
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.tensors.conversion import DTYPES

_OF_VALUES = ((bool, "BOOL"), (int, "INT64"), (float, "FP32"), (str, "BYTES"))
_EQUALITY = frozenset({"eq", "ne", "in"})
"""The comparisons of texts and booleans."""


@dataclass(frozen=True, slots=True)
class TensorCondition:
    """A condition on a tensor, and where it stands in the manifest."""

    condition: Comparison
    key: str


@dataclass(frozen=True, slots=True)
class Need:
    """A tensor that a part of a graph needs from outside.

    Args:
        key: where the step stands that needs it.
        spec: what it must be; None if only conditions or the key of a splitter read it.
        tests: the conditions that read it.
    """

    key: str
    spec: TensorSpec | None
    tests: tuple[TensorCondition, ...] = ()

    def and_also(self, other: "Need") -> "Need":
        """Return what serves both.

        Raises:
            ValueError: nothing does.
        """
        tests = (*self.tests, *other.tests)
        if self.spec is None or other.spec is None:
            return replace(self, spec=self.spec or other.spec, tests=tests)
        return replace(self, spec=narrower(self.spec, other.spec), tests=tests)

    def resolved(self, name: str) -> TensorSpec:
        """Return what a caller must send; a tensor that is only compared has one value in a row."""
        if self.spec is not None:
            return self.spec._replace(name=name)
        values = [value for test in self.tests for value in _values(test.condition)]
        kinds = {type(value) for value in values}
        kind = float if kinds == {int, float} else next(iter(kinds), str)
        return TensorSpec(name, dict(_OF_VALUES)[kind], (-1,))


def narrower(one: TensorSpec, other: TensorSpec) -> TensorSpec:
    """Return the tensor that has both datatypes and shapes; a size goes before any size.

    Raises:
        ValueError: there is none.
    """
    if one.datatype != other.datatype:
        raise ValueError(f"is {one.datatype}, not {other.datatype}")
    if len(one.shape) != len(other.shape) or not all(map(_agree, one.shape, other.shape)):
        raise ValueError(f"has the shape {list(one.shape)}, not {list(other.shape)}")
    shape = tuple(map(max, one.shape, other.shape))
    return one._replace(shape=shape, domain=one.domain or other.domain)


def wider(one: TensorSpec, other: TensorSpec) -> TensorSpec:
    """Return what a tensor is that may come from either; see `narrower`."""
    narrow = narrower(one, other)
    free = [-1 in sizes for sizes in zip(one.shape, other.shape, strict=True)]
    shape = tuple(-1 if any_ else size for any_, size in zip(free, narrow.shape, strict=True))
    return narrow._replace(shape=shape)


def _agree(one: int, other: int) -> bool:
    return one == other or -1 in (one, other)


def has_rows(specs: Sequence[TensorSpec]) -> bool:
    """Return whether the first axis of every tensor counts rows, of any number."""
    return all(spec.shape[:1] == (-1,) for spec in specs)


def check_condition(condition: Comparison, spec: TensorSpec, *, by_row: bool) -> None:
    """Check that a tensor can be compared so.

    Raises:
        ValueError: it cannot.
    """
    kind = DTYPES[spec.datatype].kind
    for value in _values(condition):
        allowed: tuple[type, ...] = {"b": (bool,), "O": (str,), "f": (int, float)}.get(kind, (int,))
        if not isinstance(value, allowed) or (kind != "b" and isinstance(value, bool)):
            raise ValueError(f"is {spec.datatype}, which cannot be compared with {value!r}")
        if not holds(spec.datatype, value):
            raise ValueError(f"is {spec.datatype}, which cannot hold {brief(str(value))}")
    if kind in "bO" and condition.comparison not in _EQUALITY:
        raise ValueError(f"is {spec.datatype}; only eq, ne and in compare it")
    sizes = spec.shape[1:] if by_row else spec.shape
    if any(size not in (1, -1) for size in sizes):
        unit = "row" if by_row else "request"
        raise ValueError(f"has the shape {list(spec.shape)}; a condition needs one value a {unit}")


def holds(datatype: str, value: Any) -> bool:
    """Return whether a number is in the range of a datatype; texts and booleans always are."""
    dtype = DTYPES[datatype]
    if dtype.kind in "bO":
        return True
    if dtype.kind == "f":
        return bool(abs(value) <= float(np.finfo(dtype.str).max))
    limits = np.iinfo(dtype.str)
    return bool(limits.min <= value <= limits.max)


def _values(condition: Comparison) -> list[Any]:
    return condition.value if condition.comparison == "in" else [condition.value]
