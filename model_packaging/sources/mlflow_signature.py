"""The inputs and the example request of a model that MLflow logged.

Source of the formats: https://mlflow.org/docs/latest/ml/model/signatures/. A signature has columns
with a type, or tensors with a dtype and a shape; the input example is JSON as MLflow's server
takes it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from lading.model_packaging.manifest.original import BATCH, Datatype, InputShape, named_axes
from lading.model_packaging.sources.mlflow_folder import LoggedModel

_MOST_BYTES: Final = 256 << 10
"""The largest example that is read: the limit of golden requests."""
_COLUMNS: Final[Mapping[str, Datatype]] = {
    "boolean": "BOOL",
    "integer": "INT32",
    "long": "INT64",
    "float": "FP32",
    "double": "FP64",
    "string": "BYTES",
    "datetime": "BYTES",
}
_DTYPES: Final[Mapping[str, Datatype]] = {
    "bool": "BOOL",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    "object": "BYTES",
    "str": "BYTES",
    **{
        f"{sign}int{bits}": cast("Datatype", f"{sign.upper()}INT{bits}")
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    },
}
_NEEDED: Final = frozenset(("scikit-learn", "pytorch"))
"""Frameworks whose files do not have the names and types of all inputs."""
_EXPORTED: Final = ".pt2"
"""An exported program, which has them."""
_ALONE: Final = {"scikit-learn": "X", "pytorch": "input"}
"""The name of an input that has none."""


def inputs_of(logged: LoggedModel) -> dict[str, InputShape]:
    """Return the inputs that the signature states, in its order.

    None if there is no signature, if it has types that no input can have, or if the model's own
    file states them.
    """
    if logged.framework not in _NEEDED or logged.path.suffix == _EXPORTED:
        return {}
    entries = _entries(logged.document)
    found = [
        (str(each.get("name") or _unnamed(logged, place, len(entries))), _shape(each))
        for place, each in enumerate(entries)
    ]
    known = {name: shape for name, shape in found if shape is not None}
    if len(known) != len(entries) or _is_unnamed_table(entries):
        return {}
    return dict(named_axes(known))


def example_of(logged: LoggedModel) -> bytes | None:
    """Return the input example as a request of the plain dialect; None if there is none."""
    info = logged.document.get("saved_input_example_info")
    if not isinstance(info, dict):
        return None
    for key in ("serving_input_path", "artifact_path"):
        document = _read(logged.folder, info.get(key))
        given = None if document is None else _given(document)
        if given is not None:
            return json.dumps({"inputs": given}).encode()
    return None


def _entries(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    signature = document.get("signature")
    try:
        entries = json.loads(signature["inputs"]) if isinstance(signature, dict) else []
    except (KeyError, TypeError, ValueError, RecursionError):
        return []
    fit = isinstance(entries, list) and all(isinstance(each, dict) for each in entries)
    return entries if fit else []


def _unnamed(logged: LoggedModel, place: int, count: int) -> str:
    name = _ALONE[logged.framework]
    return name if count == 1 else f"{name}_{place}"


def _is_unnamed_table(entries: list[Mapping[str, Any]]) -> bool:
    """Return whether several columns have no names: then they are one table."""
    return len(entries) > 1 and not all(each.get("name") for each in entries)


def _shape(entry: Mapping[str, Any]) -> InputShape | None:
    if entry.get("type") != "tensor":
        datatype = _COLUMNS.get(str(entry.get("type")))
        return InputShape((BATCH,), datatype) if datatype else None
    tensor = entry.get("tensor-spec")
    if not isinstance(tensor, dict) or not isinstance(tensor.get("shape"), list):
        return None
    datatype, sizes = _DTYPES.get(str(tensor.get("dtype"))), tensor["shape"]
    whole = all(type(size) is int and (size > 0 or size == -1) for size in sizes)
    return InputShape(tuple(sizes), datatype) if datatype and whole else None


def _read(folder: Path, name: Any) -> Any:
    """Return the JSON of a file of the folder; None if it is not there, or too large."""
    if not isinstance(name, str) or Path(name).name != name:
        return None
    path = folder / name
    try:
        if path.is_symlink() or path.stat().st_size > _MOST_BYTES:
            return None
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def _given(document: Any) -> Any:
    """Return records of a frame, or arrays; None if the frame is damaged."""
    if not isinstance(document, dict):
        return document
    frame = document.get("dataframe_split", document)
    if isinstance(frame, dict) and {"columns", "data"} <= frame.keys():
        try:
            return [dict(zip(frame["columns"], row, strict=True)) for row in frame["data"]]
        except (TypeError, ValueError):
            return None
    return document["inputs"] if set(document) == {"inputs"} else document
