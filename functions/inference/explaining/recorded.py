"""What packaging recorded of a model for its explanations.

`artifact.json` has it under `explain`, and the background rows are in `background.json`:

    "explain": {"method": "shapley", "output": "y", "budget": 262144,
                "features": [["age", [0]], ["color", [1, 2, 3]]]}
    "explain": {"method": "image", "output": "y", "budget": 262144, "grid": 14}
    "explain": {"method": "text", "output": "y", "budget": 262144}

    background.json: [{"name": "x", "datatype": "FP32", "shape": [100, 4], "data": [...]}]

`features` names columns of the only input that are explained together; without it, each column of
each input is a feature. `data` is flat in row-major order; NaN is null, and infinity is a text.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.tensors.conversion import (
    Array,
    as_datatype,
    datatype_of,
    from_json,
    reshape,
)

Method = Literal["shapley", "image", "text"]
METHODS: Final = ("shapley", "image", "text")

MOST_BYTES: Final = 1 << 20
"""The limit of background.json."""

_DAMAGE: Final = (
    *(KeyError, TypeError, AttributeError, OverflowError, RecursionError),
    InvalidInput,
)
"""What a document of another form raises, beside ValueError."""


class Recorded(NamedTuple):
    """The recorded part of explanations.

    Args:
        method: how answers are explained.
        output: the output that is explained.
        budget: the most rows that the model answers for one request.
        features: name and columns of each group of columns of the only input.
        grid: patches of an image along each axis.
        background: rows of each input, [rows, ...]; for Shapley values only.
    """

    method: Method
    output: str
    budget: int
    features: tuple[tuple[str, tuple[int, ...]], ...] = ()
    grid: int = 0
    background: Mapping[str, Array] = MappingProxyType({})

    def to_json(self) -> dict[str, Any]:
        """Return the section of `artifact.json`."""
        section: dict[str, Any] = {
            "method": self.method,
            "output": self.output,
            "budget": self.budget,
        }
        if self.features:
            section["features"] = [[name, list(columns)] for name, columns in self.features]
        return section | ({"grid": self.grid} if self.grid else {})


def read(section: Mapping[str, Any], background: bytes | None) -> Recorded:
    """Return what `artifact.json` and `background.json` state.

    Raises:
        ValueError: they are of a later version, or damaged.
    """
    try:
        method = section["method"]
        if method not in METHODS:
            raise ValueError(f"'{method}' is not a known method")
        features = tuple(
            (str(name), tuple(columns)) for name, columns in section.get("features", ())
        )
        rows = _read_rows(background) if background else {}
        budget, grid = int(section["budget"]), int(section.get("grid", 0))
        return Recorded(method, str(section["output"]), budget, features, grid, rows)
    except _DAMAGE as error:
        raise ValueError(f"cannot be read: {error!r}") from error


def _read_rows(content: bytes) -> dict[str, Array]:
    if len(content) > MOST_BYTES:
        raise ValueError(f"have {len(content)} bytes of rows, which exceeds {MOST_BYTES}")
    return {
        each["name"]: reshape(
            from_json(_values(each["data"], each["datatype"]), each["name"], each["datatype"]),
            each["shape"],
            each["name"],
        )
        for each in json.loads(content)
    }


def _values(data: list[Any], datatype: str) -> list[Any]:
    if datatype == "BYTES":
        return data
    return [float(value) if isinstance(value, str) else value for value in data]


def write_rows(rows: Mapping[str, Array]) -> bytes:
    """Return background.json."""
    tensors = [
        {
            "name": name,
            "datatype": datatype_of(array),
            "shape": list(array.shape),
            "data": [_value(value) for value in _exact(array).ravel().tolist()],
        }
        for name, array in rows.items()
    ]
    return json.dumps(tensors, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _exact(array: Array) -> Array:
    """Return floats as those that are written with the fewest digits and read back the same."""
    if array.dtype.kind != "f" or array.dtype.itemsize >= np.dtype(np.float64).itemsize:
        return np.asarray(array)
    texts = [str(value) for value in np.asarray(array).ravel()]
    return np.array(texts, np.float64).reshape(array.shape)


def _value(value: Any) -> Any:
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, float) and not np.isfinite(value):
        return None if np.isnan(value) else str(value)
    return value


def _text(value: bytes) -> str | dict[str, str]:
    try:
        return value.decode()
    except UnicodeDecodeError:
        from pybase64 import b64encode

        return {"b64": b64encode(value).decode()}


def rows_of(rows: Mapping[str, Array], chosen: Array) -> dict[str, Array]:
    """Return the chosen rows of each input, in its datatype."""
    return {name: as_datatype(array[chosen], datatype_of(array)) for name, array in rows.items()}
