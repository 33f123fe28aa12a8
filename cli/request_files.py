"""Requests of the plain dialect, from what users have: rows, texts, images, single values.

A file of rows (.csv, .parquet, .jsonl, .npz) has a column for each input, as held-out rows do;
other columns are ignored. A .txt file has a text in each line. Any other content is the request in
JSON, records or an array in JSON, or an image. Standard input may be any of these but .jsonl and
.npz: its first bytes say which.
"""

import csv
import json
from base64 import b64encode
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lading.api.errors import InputUnreadable
from lading.cli.errors import CliError
from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.tensors import json_values
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.errors import likely
from lading.model_packaging.measure.holdout import arrays_of
from lading.model_packaging.tables.registry import FORMATS, read_table
from lading.model_packaging.tables.table import Unreadable

Inputs = Callable[[], Sequence[TensorSpec]]
"""Returns the model's inputs; called only where the request depends on them."""

_TABLES = frozenset(each.suffix for each in FORMATS)
_PARQUET = b"PAR1"
"""How each file of Parquet begins."""
_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".heic"})
"""Suffixes of images, also of those that the model refuses by its own message."""
_TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def request_of_file(path: str, content: bytes, inputs: Inputs) -> bytes:
    """Return the request for a file.

    Args:
        path: its path; `-` for standard input, whose content shows what it is.
        content: its content.
        inputs: the model's inputs.

    Raises:
        InputUnreadable: it is damaged, or does not fit the model.
    """
    suffix = Path(path).suffix.lower()
    if suffix in _TABLES:
        return _of_table(path, Path(path), inputs())
    if suffix == ".txt":
        return _of_texts(path, content, inputs())
    content = content.removeprefix(BOM_UTF8)  # some editors write it
    if suffix in _PICTURES or not content[:1].isascii():
        return encoded({"inputs": [{"b64": b64encode(content).decode()}]})
    if content.lstrip()[:1] in (b"{", b"["):
        return _of_json(content)
    return _of_piped(content, inputs()) if path == "-" else content


def _of_piped(content: bytes, specs: Sequence[TensorSpec]) -> bytes:
    """Return the request for rows or texts of standard input."""
    suffix = _suffix_of(content, specs)
    if suffix is None:
        return _of_texts("-", content, specs)
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"rows{suffix}"
        file.write_bytes(content)
        return _of_table("-", file, specs)


def _suffix_of(content: bytes, specs: Sequence[TensorSpec]) -> str | None:
    """Return the suffix of a file of rows with this content; None for texts."""
    if content.startswith(_PARQUET):
        return ".parquet"
    if [spec.datatype for spec in specs] == ["BYTES"]:
        return None
    header = next(csv.reader([content.partition(b"\n")[0].decode("utf-8", "replace")]), [])
    named = {each.strip() for each in header}
    return ".csv" if any(spec.name in named for spec in specs) else None


def _of_json(content: bytes) -> bytes:
    """Return a request as it is; records or an array become one."""
    try:
        document = json.loads(content)
    except ValueError:  # the service says what is wrong with it
        return content
    if isinstance(document, dict):
        if "inputs" in document:
            return content
        if document and not any(isinstance(value, list | dict) for value in document.values()):
            document = [document]  # the columns of one row
    return encoded({"inputs": document})


def _of_table(path: str, file: Path, specs: Sequence[TensorSpec]) -> bytes:
    try:
        arrays = arrays_of(read_table(file), specs)
    except (Unreadable, InvalidInput) as error:
        raise InputUnreadable(path, str(error)) from error
    return request_of_arrays(arrays)


def _of_texts(path: str, content: bytes, specs: Sequence[TensorSpec]) -> bytes:
    if [spec.datatype for spec in specs] != ["BYTES"]:
        known = ", ".join(f"{spec.name} ({spec.datatype})" for spec in specs)
        raise InputUnreadable(path, f"has texts, but the model takes {known}; send JSON or CSV")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputUnreadable(path, f"is not text in UTF-8: {error}") from error
    return encoded({"inputs": lines})


def request_of_arrays(arrays: Mapping[str, Array]) -> bytes:
    """Return the request with these inputs; bytes that are not text are in base64."""
    values = {name: _json_of(array) for name, array in arrays.items()}
    return json_values.dumps({"inputs": values}, bare_tokens=False)


def _json_of(array: Array) -> Any:
    if array.dtype.hasobject and not all(map(_is_text, array.flat)):
        return _packed(array.tolist())
    return json_values.to_text(array)


def _is_text(value: Any) -> bool:
    try:
        return not isinstance(value, bytes) or value.decode() is not None
    except UnicodeDecodeError:
        return False


def _packed(value: Any) -> Any:
    if isinstance(value, list):
        return [_packed(each) for each in value]
    return {"b64": b64encode(value).decode()} if isinstance(value, bytes) else value


def request_of_values(stated: Sequence[str], specs: Sequence[TensorSpec]) -> bytes:
    """Return the request for one row.

    Args:
        stated: `NAME=VALUE` for each input; an empty value is a missing one.
        specs: the model's inputs.

    Raises:
        CliError: one has another form, or its input is unknown or missing.
    """
    known = {spec.name: spec for spec in specs}
    row: dict[str, Any] = {}
    for each in stated:
        name, equals, text = each.partition("=")
        if not equals:
            raise CliError(f"--set must be NAME=VALUE, not '{each}'")
        if name not in known:
            guess = likely(name, known)
            advice = f"did you mean '{guess}'?" if guess else f"it has {', '.join(known)}"
            raise CliError(f"--set {each}: the model has no input '{name}'; {advice}")
        row[name] = _value(known[name], text)
    if missing := [name for name in known if name not in row]:
        names = ", ".join(missing)
        raise CliError(f"--set lacks {names}; `--set {missing[0]}=` states a missing value")
    return encoded({"inputs": [row]})


def _value(spec: TensorSpec, text: str) -> Any:
    if not text:
        return None
    if spec.datatype == "BYTES":
        return text
    if spec.datatype == "BOOL":
        if text.lower() in _TRUTHS:
            return _TRUTHS[text.lower()]
        raise CliError(f"--set {spec.name}: must be true or false, not '{text}'")
    try:
        return json.loads(text)
    except ValueError as error:
        raise CliError(f"--set {spec.name}: must be a number, not '{text}'") from error


def encoded(document: Any) -> bytes:
    """Return a document as JSON."""
    return json.dumps(document).encode()
