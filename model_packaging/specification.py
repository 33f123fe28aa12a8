"""The files of an artifact: written from a build, summed up for whoever packaged it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from functions.inference.artifact import (
    GOLDEN,
    MODEL,
    MODEL_FORMAT,
    REPORT,
    SPECIFICATION,
    sha256,
)
from functions.inference.session import OnnxSession
from model_packaging.benchmark import Latency, make_report
from model_packaging.documents import readable
from model_packaging.errors import AccuracyChange, Interval, Intervals
from model_packaging.publication import Published


@dataclass(frozen=True, slots=True)
class Source:
    """What a model was made from: the file, its framework, its digest and that of the data."""

    file: str
    framework: str
    digest: str
    data: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done to the source: its stage, the bytes after it, and facts about it."""

    name: str
    bytes: int
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As written in artifact.json."""
        return {"step": self.name, **self.facts, "bytes": self.bytes}


@dataclass(frozen=True, slots=True)
class Build:
    """Everything that an artifact is written from."""

    name: str
    identity: str
    source: Source
    tools: Mapping[str, str]
    steps: tuple[Step, ...]
    model: bytes
    change: AccuracyChange | None
    latency: Latency
    golden: bytes


@dataclass(frozen=True, slots=True)
class Packaged:
    """A published version, for whoever asked for it.

    `location` is its folder or its address. `built` is False when the version was there already.
    Sizes are bytes of the ONNX model, before and after optimising; latencies are milliseconds, None
    when report.json is lost.
    """

    name: str
    version: int
    identity: str
    digest: str
    location: str
    built: bool
    labels: tuple[str, ...]
    accuracy: AccuracyChange | None
    size_before: int
    size_after: int
    p50_ms: float | None
    p95_ms: float | None


def write_files(build: Build) -> dict[str, bytes]:
    """Content of each file of the artifact, by name."""
    verified = {MODEL: build.model, GOLDEN: build.golden}
    digests = {name: sha256(content) for name, content in verified.items()}
    sizes = {name: len(content) for name, content in verified.items()}
    return {
        **verified,
        SPECIFICATION: readable({**_describe(build), "files": digests}),
        REPORT: readable(make_report(build.latency, sizes)),
    }


def _describe(build: Build) -> dict[str, Any]:
    session = OnnxSession(build.model)
    source = {key: value for key, value in asdict(build.source).items() if key != "data"}
    accuracy = asdict(build.change) | {"data": build.source.data} if build.change else None
    return {
        "format_version": MODEL_FORMAT,
        "name": build.name,
        "identity": build.identity,
        "inputs": [spec.to_json() for spec in session.inputs],
        "outputs": [spec.to_json() for spec in session.outputs],
        "source": source,
        "tools": dict(build.tools),
        "steps": [step.to_json() for step in build.steps],
        "accuracy": accuracy,
    }


def summarise(
    published: Published, version: int, *, built: bool, labels: tuple[str, ...]
) -> Packaged:
    """What a published, verified artifact says of itself."""
    artifact, specification = published.artifact, published.artifact.specification
    accuracy = specification["accuracy"]
    latency = _latency(published.files.get(REPORT, b""))
    return Packaged(
        name=artifact.name,
        version=version,
        identity=artifact.identity,
        digest=artifact.digest,
        location=published.location,
        built=built,
        labels=labels,
        accuracy=_change(accuracy) if accuracy else None,
        size_before=specification["steps"][0]["bytes"],
        size_after=len(artifact.model),
        p50_ms=latency.get("p50_ms"),
        p95_ms=latency.get("p95_ms"),
    )


def _change(accuracy: Mapping[str, Any]) -> AccuracyChange:
    """What artifact.json says of the gate; of early versions it knows no intervals."""
    found = accuracy.get("intervals")
    each = {key: Interval(**ends) for key, ends in found.items()} if found else None
    return AccuracyChange(
        **{key: accuracy[key] for key in ("metric", "before", "after", "drop", "max_drop")},
        rows=accuracy.get("rows", 0),
        intervals=Intervals(**each) if each else None,
    )


def _latency(report: bytes) -> dict[str, float]:
    """Figures of report.json, which nothing pins: none when it is lost or unreadable."""
    try:
        latency = json.loads(report)["latency"]
    except (ValueError, KeyError, TypeError):
        return {}
    return latency if isinstance(latency, dict) else {}
