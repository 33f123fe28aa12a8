"""Writes the files of an artifact from a build, and summarizes them for the user."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Final

from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import (
    BASELINE,
    ENGINE_FORMAT,
    GOLDEN,
    MODEL,
    MODEL_FORMAT,
    NATIVE_FORMAT,
    REPORT,
    SERVING_DEFAULT,
    SPECIFICATION,
    STEPS_FORMAT,
    Artifact,
    NativeSection,
    TensorSpec,
)
from lading.functions.inference.tensors.domain import Domain
from lading.model_packaging.check.closeness import USUAL, Closeness
from lading.model_packaging.conversion import Processing
from lading.model_packaging.documents import readable
from lading.model_packaging.energy.estimate import Estimator
from lading.model_packaging.energy.published import read_published
from lading.model_packaging.engines.served import Served
from lading.model_packaging.explanations.explained import Explained
from lading.model_packaging.manifest.entries import BatchingSpec
from lading.model_packaging.measure.batches import Dependence
from lading.model_packaging.measure.benchmark import Latency, make_report
from lading.model_packaging.measure.change import AccuracyChange
from lading.model_packaging.measure.peak_memory import Footprint
from lading.model_packaging.optimizers.candidates import Candidate
from lading.model_packaging.placement.decision import Decision
from lading.model_packaging.placement.options import Target
from lading.model_packaging.signatures import Signatures
from lading.model_packaging.store.publication import Built, Published

_NONE: Mapping[str, Any] = MappingProxyType({})
_STATED: Final[tuple[Target, ...]] = ("lambda-managed", "container")
"""Targets that artifact.json states."""


@dataclass(frozen=True, slots=True)
class Source:
    """The source of a model: the file, its framework, its digest and that of the data."""

    file: str
    framework: str
    digest: str
    data: str | None


@dataclass(frozen=True, slots=True)
class StageRecord:
    """One stage that changed the model: its name, the size after it, and facts about it.

    `candidates` are the models that it chose from; report.json has them, artifact.json does not.
    """

    name: str
    bytes: int
    facts: Mapping[str, Any] = field(default_factory=dict)
    candidates: tuple[Candidate, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As written in artifact.json."""
        return {"step": self.name, **self.facts, "bytes": self.bytes}


@dataclass(frozen=True, slots=True)
class Measured:
    """The model after a stage: its latency, and its lost accuracy so far if there is a gate."""

    step: StageRecord
    latency: Latency
    change: AccuracyChange | None

    def to_json(self) -> dict[str, Any]:
        """As written in report.json."""
        accuracy = self.change.to_json() if self.change else None
        tried = [each.to_json() for each in self.step.candidates]
        return {
            **self.step.to_json(),
            "latency": asdict(self.latency),
            "accuracy": accuracy,
            **({"candidates": tried} if tried else {}),
        }


@dataclass(frozen=True, slots=True)
class Build:
    """All data of an artifact."""

    name: str
    identity: str
    source: Source
    tools: Mapping[str, str]
    steps: tuple[Measured, ...]
    """The stages in order; the last one made the model to publish."""
    model: bytes
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    footprint: Footprint
    golden: bytes
    baseline: bytes | None = None
    decision: Decision | None = None
    """Where it is served, and why; None: on Lambda."""
    served: Served | None = None
    processing: Processing | None = None
    signatures: Signatures = field(default_factory=Signatures)
    domains: Mapping[str, Domain] = field(default_factory=dict)
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    native: NativeSection | None = None
    """What computes the model, if it is not converted."""
    check: Mapping[str, Any] = field(default_factory=dict)
    closeness: Closeness = USUAL
    training: Mapping[str, Any] | None = None
    dependence: Dependence | None = None
    """The dependence on other rows; `check` has the rows of the comparison, for report.json."""
    trusted: tuple[str, ...] = ()
    """The types of its file that the manifest trusts, beside those that skops does."""
    batching: BatchingSpec | None = None
    """How the manifest wants requests to be joined; it changes nothing else of the artifact."""
    cpu_seconds: Mapping[str, float] = field(default_factory=dict)
    """The processor time of each stage, for report.json."""
    explained: Explained | None = None
    """What is recorded for explanations, if the manifest wants them."""


@dataclass(frozen=True, slots=True)
class Packaged:
    """A summary of a published version.

    `location` is its folder or address. `built` is False if the version existed before. Sizes are
    bytes of the ONNX model before and after optimizing, or of the engine's files; `target` is what
    serves it. Latencies are in milliseconds, None if report.json is lost. `signatures` are the
    names of its signatures, the default first.
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
    target: str = "lambda"
    signatures: tuple[str, ...] = (SERVING_DEFAULT,)


def write_files(build: Build) -> Built:
    """Return the files of an artifact; with an engine, the model is among the engine's files."""
    steps = build.processing.files if build.processing else {}
    signatures, more = build.signatures.files(build.model)
    own = {GOLDEN: build.golden, **steps, **more}
    own |= {BASELINE: build.baseline} if build.baseline else {}
    model = build.native.file if build.native else MODEL
    own |= {} if build.served else {model: build.model}
    own |= build.explained.files() if build.explained else {}
    sizes = {model: len(build.model), GOLDEN: len(build.golden)}
    sizes |= {name: len(content) for name, content in more.items()}
    named = {"signatures": signatures} if signatures else {}
    stages = [measured.to_json() for measured in build.steps]
    figures = make_report(build.steps[-1].latency, build.footprint, sizes, stages)
    million = Estimator(read_published(), "").of_answers(build.steps[-1].latency.p50_ms)
    more_figures = {
        "energy": {"of_a_million": {"joules": million.to_json()["joules"]}},
        "check": dict(build.check),
        "cpu_seconds": dict(build.cpu_seconds),
    }
    if build.explained:
        more_figures["explanations"] = dict(build.explained.figures)
    change = build.steps[-1].change
    if change and change.by_class:
        more_figures["by_class"] = change.by_class.to_json()
    if build.decision:
        more_figures["placement"] = build.decision.to_json()
    report = {REPORT: readable({**figures, **more_figures})}
    return _written({**own, **report}, {**_describe(build), **named}, build.served)


def write_graph(
    files: Mapping[str, bytes],
    document: Mapping[str, Any],
    measured: tuple[Latency, Footprint] | None = None,
    more_figures: Mapping[str, Any] = _NONE,
    served: Served | None = None,
) -> Built:
    """Return the files of a graph's artifact.

    Args:
        files: its files, except the specification and the report.
        document: the specification, without their digests.
        measured: its figures, for report.json; None for a draft.
        more_figures: further sections of report.json.
        served: what its engine gets, if an engine serves the graph: then it has the models, and the
            specification only says which ones they are.
    """
    if served is not None:
        engine = {"engine": served.specification, "format_version": ENGINE_FORMAT}
        document = {**document, "ensemble": document["graph"], **engine}
        document = {key: value for key, value in document.items() if key != "graph"}
    listed = {**document, "files": {name: sha256(files[name]) for name in files}}
    whole = {**files, SPECIFICATION: readable(listed)}
    if measured is None:
        return Built(whole)
    figures = make_report(*measured, {name: len(content) for name, content in files.items()})
    million = Estimator(read_published(), "").of_answers(measured[0].p50_ms)
    energy = {"energy": {"of_a_million": {"joules": million.to_json()["joules"]}}}
    report = readable({**figures, **energy, **more_figures})
    return Built({**whole, REPORT: report}, served.files if served else None)


def hand_over(  # noqa: PLR0913, PLR0917 - what made it has a default
    name: str,
    identity: str,
    source: Source,
    served: Served,
    decision: Decision,
    training: Mapping[str, Any] | None = None,
) -> Built:
    """Return the files of an artifact whose engine gets the trained files unchanged."""
    document = {
        "name": name,
        "identity": identity,
        "inputs": [],
        "outputs": [],
        "source": _sourced(source),
        "tools": {},
        "steps": [StageRecord("take", served.files.size).to_json()],
        "accuracy": None,
        **({"training": dict(training)} if training else {}),
    }
    report = {REPORT: readable({"placement": decision.to_json()})}
    return _written(report, document, served)


def target_of(artifact: Artifact) -> Target:
    """Return what serves a published artifact."""
    if artifact.engine:
        return "sagemaker"
    for target in _STATED:
        if artifact.specification.get("target") == target:
            return target
    return "lambda"


def _written(files: dict[str, bytes], document: dict[str, Any], served: Served | None) -> Built:
    """Add the specification, which lists the files."""
    engine_format = STEPS_FORMAT if "processing" in document else ENGINE_FORMAT
    own_format = NATIVE_FORMAT if "native" in document else MODEL_FORMAT
    document["format_version"] = engine_format if served else own_format
    document["files"] = {name: sha256(files[name]) for name in files if name != REPORT}
    if served is not None:
        document["engine"] = served.specification
    return Built({**files, SPECIFICATION: readable(document)}, served.files if served else None)


def _computed(build: Build) -> dict[str, Any]:
    """Return what computes the model, where that is not onnxruntime on Lambda."""
    native = {"native": build.native.to_json()} if build.native else {}
    target = build.decision.target if build.decision else "lambda"
    return {**native, "target": target} if target in _STATED else native


def _describe(build: Build) -> dict[str, Any]:
    steps: dict[str, Any] = {"processing": list(build.processing.steps)} if build.processing else {}
    if build.domains:
        steps |= {"domains": {name: each.to_json() for name, each in build.domains.items()}}
    if build.classes:
        steps |= {"classes": {name: list(each) for name, each in build.classes.items()}}
    steps |= _computed(build)
    change = build.steps[-1].change
    accuracy = change.to_json() | {"data": build.source.data} if change else None
    if build.dependence:
        steps |= {"batch": build.dependence.to_json()}
    if build.batching:
        steps |= {"batching": asdict(build.batching)}
    if build.explained:
        steps |= {"explain": build.explained.recorded.to_json()}
    if build.closeness.widened:
        steps |= {"check": {"tolerance": build.closeness.tolerance}}
    if build.trusted:
        steps |= {"trust": list(build.trusted)}
    if build.training:
        steps |= {"training": dict(build.training)}
    return {
        "name": build.name,
        "identity": build.identity,
        "inputs": [spec.to_json() for spec in build.inputs],
        "outputs": [spec.to_json() for spec in build.outputs],
        "source": _sourced(build.source),
        "tools": dict(build.tools),
        "steps": [measured.step.to_json() for measured in build.steps],
        "accuracy": accuracy,
        **steps,
    }


def _sourced(source: Source) -> dict[str, Any]:
    return {key: value for key, value in asdict(source).items() if key != "data"}


def summarize(
    published: Published, version: int, *, built: bool, labels: tuple[str, ...]
) -> Packaged:
    """Summarize a published, verified artifact."""
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
        accuracy=AccuracyChange.from_json(accuracy) if accuracy else None,
        size_before=specification["steps"][0]["bytes"],
        size_after=published.engine.size if published.engine else artifact.model_bytes(),
        p50_ms=latency.get("p50_ms"),
        p95_ms=latency.get("p95_ms"),
        target=target_of(artifact),
        signatures=(artifact.signature, *artifact.others, *artifact.aliases),
    )


def _latency(report: bytes) -> dict[str, float]:
    """Return figures of report.json, which has no digest; none if it is lost or unreadable."""
    try:
        latency = json.loads(report)["latency"]
    except (ValueError, KeyError, TypeError):
        return {}
    return latency if isinstance(latency, dict) else {}
