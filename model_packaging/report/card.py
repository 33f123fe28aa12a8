"""The model card of a version: Markdown with a head in YAML, as Hugging Face's hub reads it.

Source of the head: https://huggingface.co/docs/hub/model-cards, and `model-index` of
https://github.com/huggingface/hub-docs/blob/main/modelcard.md. What is not known is left out.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from lading.model_packaging.energy.estimate import range_in_words
from lading.model_packaging.manifest.card import CardSpec
from lading.model_packaging.measure.change import AccuracyChange
from lading.model_packaging.report.classes import MOST_ROWS, cells, worst_first
from lading.model_packaging.report.figures import (
    batches_of,
    change_of,
    stages_of,
    unconverted,
    wider_tolerance,
)
from lading.model_packaging.report.training import training_facts
from lading.model_packaging.sizes import in_words

_Document = Mapping[str, Any]
_TASKS = {"mae": "regression", "rmse": "regression", "cosine": "feature-extraction"}
_LIKE_ORIGINAL = "match"
"""A metric that compares with the original alone; no hub ranks models by it."""
_HEAD_WIDTH = 1000


def render_card(
    specification: _Document,
    report: _Document,
    words: CardSpec | None = None,
    evaluation: _Document | None = None,
    version: int | None = None,
) -> str:
    """Return the card of a version.

    Args:
        specification: its artifact.json.
        report: its report.json; empty if that is lost.
        words: the section `card` of the manifest.
        evaluation: the JSON document of `lading evaluate`, for metrics by slice.
        version: its number, if it is known.

    Raises:
        ValueError: a document is not what Lading writes.
    """
    words = words or CardSpec()
    try:
        parts = [
            _head(specification, words),
            *_top(specification, words, version),
            *_signature(specification),
            *_figures(specification, evaluation),
            *_by_class(report),
            *_limits(specification, words),
            *_costs(specification, report),
            *_data(specification),
            *_origin(specification),
        ]
    except (AttributeError, LookupError, TypeError) as error:
        raise ValueError(f"its documents are damaged: {error!r}") from error
    return "\n\n".join(parts) + "\n"


def _head(specification: _Document, words: CardSpec) -> str:
    framework = str(specification["source"]["framework"])
    head: dict[str, Any] = {
        "license": words.license,
        "library_name": _library(specification),
        "tags": list(dict.fromkeys(["lading", framework, *words.tags])),
    }
    change = change_of(specification)
    if change and change.metric != _LIKE_ORIGINAL:
        head |= {
            "pipeline_tag": _task(specification, change.metric),
            "metrics": [change.metric],
            "model-index": [_result(specification, change)],
        }
    known = {key: value for key, value in head.items() if value is not None}
    return f"---\n{yaml.safe_dump(known, sort_keys=False, width=_HEAD_WIDTH)}---"


def _library(specification: _Document) -> str | None:
    """Return the library that computes the model; None: an engine does."""
    if "engine" in specification:
        return None
    native = specification.get("native")
    return str(native["runtime"]) if native else "onnx"


def _result(specification: _Document, change: AccuracyChange) -> dict[str, Any]:
    """Return what a hub shows beside other models' figures."""
    task = _task(specification, change.metric)
    digest = str(specification["accuracy"]["data"])
    metric = {"type": change.metric, "value": change.after, "name": change.metric}
    result = {
        "task": {"type": task},
        "dataset": {"type": digest, "name": f"{change.rows} held-out rows"},
        "metrics": [metric],
    }
    return {"name": str(specification["name"]), "results": [result]}


def _task(specification: _Document, metric: str) -> str:
    """Return the hub's name of the task, from the metric and the inputs."""
    task = _TASKS.get(metric, "classification")
    if task == "feature-extraction":
        return task
    if "image" in {step["step"] for step in specification.get("processing", ())}:
        return f"image-{task}"
    of_text = any(each["datatype"] == "BYTES" for each in specification["inputs"])
    return f"text-{task}" if of_text and len(specification["inputs"]) == 1 else f"tabular-{task}"


def _top(specification: _Document, words: CardSpec, version: int | None) -> Iterator[str]:
    name = specification["name"]
    yield f"# {name}" + ("" if version is None else f", version {version}")
    if words.description:
        yield words.description
    if words.uses:
        yield f"## Uses\n\n{words.uses}"


def _signature(specification: _Document) -> Iterator[str]:
    rows = [
        (side, each["name"], each["datatype"], str(list(each["shape"])))
        for side, key in (("input", "inputs"), ("output", "outputs"))
        for each in specification[key]
    ]
    if rows:
        yield "## Signature"
        yield _table(("", "name", "datatype", "shape (-1: any)"), rows)


def _figures(specification: _Document, evaluation: _Document | None) -> Iterator[str]:
    change = change_of(specification)
    if change is None:
        return
    yield "## Figures"
    yield (
        f"On {change.rows} held-out rows, {change.metric} is {change.after:g}; that of the "
        f"original model is {change.before:g}."
    )
    slices = (evaluation or {}).get("slices") or ()
    if slices:
        yield "By slice of the rows:"
        yield _table(("column", "value", "rows", "metric", "this version"), _sliced(slices))


def _by_class(report: _Document) -> Iterator[str]:
    """Yield the classes with the lowest F1 first; nothing for a model without classes."""
    found = report.get("by_class")
    if found:
        rows = [(_plain(name), *others) for name, *others, _ in map(cells, worst_first(found))]
        left = len(rows) + int(found["left_out"]) - MOST_ROWS
        yield "By class:" if left <= 0 else f"The {MOST_ROWS} classes with the lowest F1:"
        yield _table(("class", "rows", "precision", "recall", "F1"), rows[:MOST_ROWS])


def _sliced(slices: Iterable[_Document]) -> Iterator[Sequence[str]]:
    for each in slices:
        for compared in each["compared"]:
            figure = f"{compared['challenger']:g}"
            yield each["column"], each["value"], str(each["rows"]), compared["metric"], figure


def _limits(specification: _Document, words: CardSpec) -> Iterator[str]:
    found = [words.limits] if words.limits else []
    found += wider_tolerance(specification)
    batches = batches_of(specification)
    if batches and batches.usual[2]:
        found.append("Its answer to a row may depend on the other rows of the request.")
    known = {name: each["values"] for name, each in specification.get("domains", {}).items()}
    for name, values in known.items():
        if values:
            found.append(f"`{name}` accepts only: {json.dumps(values, sort_keys=True)}")
    if found:
        yield "## Limits"
        yield from found


def _costs(specification: _Document, report: _Document) -> Iterator[str]:
    rows = [("size", in_words(stages_of(specification, report)[-1].size))]
    latency, million = report.get("latency") or {}, (report.get("energy") or {}).get("of_a_million")
    if "p50_ms" in latency:
        rows.append(("median time for one row, when packaged", f"{latency['p50_ms']:.3g} ms"))
    if million:
        rows.append(("energy of a million answers", range_in_words(million["joules"], None)))
    rows += [(name, str(value)) for name, value in _energy(specification)]
    yield "## Size, time and energy"
    yield _table(("figure", "value"), rows)


def _energy(specification: _Document) -> Iterator[tuple[str, Any]]:
    for name, value in training_facts(specification):
        if name == "training energy" and value is not None:
            yield name, value


def _data(specification: _Document) -> Iterator[str]:
    found = [
        (name, value)
        for name, value in training_facts(specification)
        if name.startswith("data ") and value
    ]
    if held_out := (specification.get("accuracy") or {}).get("data"):
        found.append(("held-out rows", held_out))
    if found:
        yield "## Data"
        yield _table(("", "digest of the file"), [(name, f"`{value}`") for name, value in found])


def _origin(specification: _Document) -> Iterator[str]:
    source = specification["source"]
    rows = [
        ("file", f"`{source['file']}`, `{source['digest']}`"),
        ("framework", str(source["framework"])),
    ]
    if "native" in specification:
        rows.append(("not converted", unconverted(specification)))
    rows += [
        (name, str(value))
        for name, value in training_facts(specification)
        if value is not None and name != "training energy" and not name.startswith("data ")
    ]
    rows += [("stages", ", ".join(str(step["step"]) for step in specification["steps"]))]
    yield "## Origin"
    yield _table(("what", "value"), rows)
    yield "`lading verify` compares a version with its signature, and each file with its digest."


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of Markdown; a cell cannot break out of its row."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _plain(text: str) -> str:
    """Return a text in which nothing is markup, of Markdown or HTML."""
    return re.sub(r"[^\w\s.,:/-]|_", lambda found: f"&#{ord(found[0])};", text)


def _cell(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").split())
