"""What a page shows of a model: a form for its inputs, its answers, requests to copy, its report.

A form is made from the signature. The baseline of a version has the range of its numbers and the
values of its categories, as its held-out rows had them; without one a form has no ranges.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import inf, isfinite, prod
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from lading.functions.contract.dialects import DIALECTS
from lading.functions.contract.dialects.dialect import Route
from lading.functions.contract.errors import ModelUnavailable
from lading.functions.inference.app.form_report import describe_report
from lading.functions.inference.artifact.specification import REPORT, SPECIFICATION, TensorSpec
from lading.functions.inference.drift.baseline import Baseline, Feature, read_baseline
from lading.functions.inference.drift.bins import NumberBins
from lading.functions.inference.loading.catalog import CatalogModel
from lading.functions.inference.models.predictor import Predictor
from lading.functions.inference.tensors.conversion import FLOATS
from lading.functions.inference.tensors.domain import EVERY

MOST_FIELDS: Final = 32
"""Numbers of one input that have a field each; more are edited as JSON."""
MOST_EXAMPLE: Final = 1 << 14
"""Numbers of an input's example."""
MOST_REPORT_BYTES: Final = 1 << 20

_UNSEEN: Mapping[str, Any] = MappingProxyType({"BYTES": "", "BOOL": False})
"""Datatypes without a range -> an example of an element."""


def describe_form(model: CatalogModel) -> dict[str, Any]:
    """Return the form of each version of a model, and the requests to copy."""
    ready = [each for each in model.versions.values() if not isinstance(each, ModelUnavailable)]
    speaks = any(not each.metadata.outputs for each in ready)
    return {
        "name": model.name,
        "default_version": model.default_version(),
        "language_model": speaks,
        "versions": [_version(model, version) for version in sorted(model.versions)],
        "calls": list(_calls(model.name, speaks=speaks)),
    }


def example_of(predictor: Predictor) -> dict[str, list[Any]]:
    """Return a usual value of each input, for a batch of one: its elements in their order."""
    documents = {SPECIFICATION: _read(predictor.folder, SPECIFICATION)}
    baseline = _baseline(predictor)
    fields = [_input(spec, baseline, documents) for spec in predictor.metadata.inputs]
    return {field["name"]: _elements(field) for field in fields}


def _elements(field: Mapping[str, Any]) -> list[Any]:
    if field["kind"] == "numbers":
        return [column["example"] for column in field["columns"]]
    example = field["example"]
    return example if isinstance(example, list) else [] if example is None else [example]


def _version(model: CatalogModel, version: int) -> dict[str, Any]:
    labels = sorted(label for label, at in model.labels.items() if at == version)
    reason = model.failure(version)
    told = {"version": version, "labels": labels, "ready": not reason, "reason": reason or None}
    found = model.versions[version]
    if isinstance(found, ModelUnavailable):
        return {**told, "inputs": [], "outputs": [], "report": None}
    documents = _documents(found)
    baseline = _baseline(found)
    return {
        **told,
        "inputs": [_input(spec, baseline, documents) for spec in found.metadata.inputs],
        "outputs": [_output(spec, documents) for spec in found.metadata.outputs],
        "report": describe_report(documents[SPECIFICATION], documents[REPORT]),
    }


def _input(
    spec: TensorSpec, baseline: Baseline | None, documents: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the field of an input: its kind, its range, and a value to begin with."""
    numbers, values = _seen(spec, baseline)
    row = [1 if size == -1 else size for size in spec.shape[1:]]
    size = prod(row)
    told = {**spec.to_json(), "whole": spec.datatype not in FLOATS, "optional": _optional(spec)}
    choices = [False, True] if spec.datatype == "BOOL" else values or _stated(spec)
    if size == 1 and choices:
        return {**told, "kind": "choice", "choices": choices, "example": choices[0]}
    if spec.datatype == "BYTES" and size == 1:
        image = spec.name in _images(documents)
        return {**told, "kind": "image" if image else "text", "example": ""}
    if size > MOST_EXAMPLE or spec.datatype in _UNSEEN:
        example = None if size > MOST_EXAMPLE else [_UNSEEN[spec.datatype]] * size
        return {**told, "kind": "tensor", "example": example}
    edges = numbers if len(numbers) == size else [[]] * size
    return {**told, **_numbers([_column(each, spec) for each in edges])}


def _numbers(columns: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the kind of an input of numbers: few have a field each."""
    if len(columns) == 1:
        return {"kind": "number", **columns[0]}
    if len(columns) <= MOST_FIELDS:
        return {"kind": "numbers", "columns": columns}
    return {"kind": "tensor", "example": [each["example"] for each in columns]}


def _seen(
    spec: TensorSpec, baseline: Baseline | None
) -> tuple[Sequence[Sequence[float]], list[Any]]:
    """Return the edges of an input's columns and its few values, as the held-out rows had them."""
    features: Sequence[Feature] = baseline.features if baseline else ()
    numbers: Sequence[Sequence[float]] = ()
    values: list[Any] = []
    for feature in features:
        if (feature.tensor, feature.side) != (spec.name, "inputs"):
            continue
        if isinstance(feature.bins, NumberBins):
            numbers = feature.bins.edges if feature.view == "columns" else numbers
        else:
            values = sorted(feature.bins.values(), key=_in_order)
    return numbers, values


def _column(edges: Sequence[float], spec: TensorSpec) -> dict[str, Any]:
    """Return the range of a number and its median, rounded to what a person would type."""
    example: float = 0
    told: dict[str, Any] = {}
    if len(edges) > 1:
        low, high, middle = edges[0], edges[-1], edges[len(edges) // 2 - (len(edges) % 2 == 0)]
        told, example = {"low": _short(low), "high": _short(high)}, _short(middle)
    if spec.datatype not in FLOATS:
        example = int(example)
    return {**told, "example": example}


def _short(number: float) -> float:
    """Round to five digits; an edge is a hair above the number that was seen."""
    rounded = float(f"{number:.5g}")
    return int(rounded) if rounded.is_integer() else rounded


def _stated(spec: TensorSpec) -> list[Any]:
    """Return the only values that the artifact allows in an input of one column."""
    if spec.domain is None:
        return []
    known = spec.domain.values.get(EVERY) or spec.domain.values.get(0) or frozenset()
    return sorted((_text(each) for each in known), key=_in_order)


def _in_order(value: Any) -> tuple[float, str]:
    """Return a key for numbers by their size, before texts by their letters."""
    return (inf, value) if isinstance(value, str) else (value, "")


def _text(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _optional(spec: TensorSpec) -> bool:
    return spec.datatype in (*FLOATS, "BYTES") and spec.takes_missing


def _output(spec: TensorSpec, documents: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    classes = documents[SPECIFICATION].get("classes")
    known = classes.get(spec.name) if isinstance(classes, dict) else None
    return {**spec.to_json(), "classes": known if isinstance(known, list) else []}


def _images(documents: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Return the inputs that are files of images."""
    steps = documents[SPECIFICATION].get("processing") or ()
    return {str(step.get("image")) for step in steps if step.get("step") == "image"}


def _baseline(predictor: Predictor) -> Baseline | None:
    try:
        return read_baseline(predictor.baseline) if predictor.baseline else None
    except ValueError:
        return None


def _documents(predictor: Predictor) -> dict[str, Mapping[str, Any]]:
    """Return the version's documents by name; empty ones for those that cannot be read.

    No digest covers the report, and the folder may have changed since the model was loaded: they
    are shown, and nothing is decided by them.
    """
    return {name: _read(predictor.folder, name) for name in (SPECIFICATION, REPORT)}


def _read(folder: Path | None, name: str) -> Mapping[str, Any]:
    if folder is None:
        return {}
    try:
        with (folder / name).open("rb") as file:
            content = file.read(MOST_REPORT_BYTES + 1)
        if len(content) > MOST_REPORT_BYTES:
            return {}
        document = json.loads(content, parse_float=_finite, parse_constant=_finite)
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _finite(number: str) -> float | None:
    """Return a number, and None for NaN and infinity, which no browser reads."""
    value = float(number)
    return value if isfinite(value) else None


def _calls(name: str, *, speaks: bool) -> Iterator[dict[str, Any]]:
    """Yield, for each dialect, how to ask this model: path below its base URL, and a body."""
    for dialect in DIALECTS:
        for operation in dialect.asking:
            routes = [it for it in dialect.routes if it.operation == operation]
            if routes and routes[0].language_model is speaks:
                yield {
                    "dialect": dialect.name,
                    "title": dialect.title or dialect.name,
                    "operation": operation,
                    "path": _path(routes, name, versioned=False),
                    "version_path": _path(routes, name, versioned=True),
                    "body": routes[0].example,
                }


def _path(routes: Sequence[Route], name: str, *, versioned: bool) -> str | None:
    """Return the shortest path of an operation, with or without a version; None without one."""
    found = [
        route.template.replace("{model}", name)
        for route in routes
        if ("{version}" in route.template) is versioned and "{label}" not in route.template
    ]
    return min(found, key=len, default=None)
