"""Compares two versions of a model: signature, size, accuracy, latency, and what made them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import REPORT, Artifact
from lading.model_packaging.documents import canonical
from lading.model_packaging.report.figures import change_of, read_report, stages_of, unconverted
from lading.model_packaging.report.training import training_facts
from lading.model_packaging.store.publication import Published

Group = Literal["signature", "size", "accuracy", "latency", "training", "what made it"]
Value = str | float | None
_Found = Iterator[tuple[tuple[Group, str], Value]]
"""Yields the group and the name of each fact, and its value."""
_ORDER: Sequence[Group] = ("signature", "size", "accuracy", "latency", "training", "what made it")
_MACHINE = ("processor", "cpus", "platform")


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of two versions; None where a version does not have it."""

    group: Group
    name: str
    before: Value
    after: Value


def compare_versions(before: Published, after: Published) -> list[Fact]:
    """Return the facts of both versions, those of one group together.

    Raises:
        ValueError: a version's documents are not what packaging writes.
    """
    first, second = (dict(_facts(each)) for each in (before, after))
    keys = sorted({**first, **second}, key=lambda key: _ORDER.index(key[0]))
    return [Fact(*key, first.get(key), second.get(key)) for key in keys]


def _facts(published: Published) -> _Found:
    specification = published.artifact.specification
    report = read_report(published.files.get(REPORT, b""))
    try:
        yield from _signature(published.artifact)
        yield from _measured(published, specification, report)
        yield from _trained(specification)
        yield from _origin(specification, report)
    except (AttributeError, LookupError, TypeError) as error:
        raise ValueError(f"its documents are damaged: {error!r}") from error


def _signature(artifact: Artifact) -> _Found:
    specification = artifact.specification
    for side, tensors in (("input", artifact.inputs), ("output", artifact.outputs)):
        for tensor in tensors:
            shape = list(tensor.shape)
            yield ("signature", f"{side} {tensor.name}"), f"{tensor.datatype} {shape}"
    for name, domain in specification.get("domains", {}).items():
        yield ("signature", f"values of {name}"), json.dumps(domain, sort_keys=True)
    for each in specification.get("signatures", ()):
        meant = f"the same as {each['alias']}" if "alias" in each else "the inputs above"
        sides = [each[side] for side in ("inputs", "outputs") if side in each]
        text = " to ".join(map(_named, sides))
        yield ("signature", f"signature {each['name']}"), text or meant


def _named(tensors: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{each['name']} {each['datatype']} {each['shape']}" for each in tensors)


def _measured(
    published: Published, specification: Mapping[str, Any], report: Mapping[str, Any]
) -> _Found:
    engine, last = published.engine, stages_of(specification, report)[-1]
    yield ("size", "bytes"), engine.size if engine else published.artifact.model_bytes()
    if change := change_of(specification):
        yield ("accuracy", change.metric), change.after
    if last.p50_ms is not None:
        yield ("latency", "p50 ms"), last.p50_ms
        yield ("latency", "p95 ms"), last.p95_ms


def _trained(specification: Mapping[str, Any]) -> _Found:
    for name, value in training_facts(specification):
        if value is not None:
            yield ("training", name), value


def _origin(specification: Mapping[str, Any], report: Mapping[str, Any]) -> _Found:
    source, engine = specification["source"], specification.get("engine")
    found: dict[str, Value] = {
        "source": source["file"],
        "source digest": source["digest"],
        "framework": source["framework"],
        "held-out rows": (specification.get("accuracy") or {}).get("data"),
        "stages": "; ".join(
            f"{each.name} {each.facts}".strip() for each in stages_of(specification, {})
        ),
        "not converted": unconverted(specification) or None,
        "processing": _digest(specification.get("processing")),
        "engine": engine and str(engine["name"]),
        "engine settings": _digest(engine and [engine["options"], engine["environment"]]),
        "measured on": ", ".join(str(value) for value in _machine(report)) or None,
    }
    graph = specification.get("graph") or specification.get("ensemble") or {}
    models = graph.get("models", {})
    found |= {f"model {name}": f"version {it['version']}" for name, it in sorted(models.items())}
    found["nodes"] = _digest(models and graph["nodes"])
    found |= {tool: str(number) for tool, number in sorted(specification["tools"].items())}
    for name, value in found.items():
        if value is not None:
            yield ("what made it", name), value


def _machine(report: Mapping[str, Any]) -> list[Any]:
    machine = report.get("machine") or {}
    return [machine[key] for key in _MACHINE if key in machine]


def _digest(document: Any) -> str | None:
    return sha256(canonical(document)) if document else None
