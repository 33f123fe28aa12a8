"""Packages a model of the manifest as a published version, in these stages.

resolve     find the source and its converter, and the digests of source and data
identity    SHA-256 over name, source, options, data and tools: the same identity is the same
            version. If the store has it intact, all stages up to `lock` are skipped
convert     convert the framework's model to ONNX; the original stays as the reference
check       compare both on rows that reach every decision of the model
upgrade     for an ONNX file: a newer operator set, if that changes no answer
simplify    for an ONNX file: fold constants, if that makes it smaller
prune       remove weights or neurons; like all of `optimizers/`, only if the manifest requests it
quantize    store weights in fewer bits
gate        measure the original and the model to publish on held-out rows
batches     measure how much answers depend on the other rows of a request
signatures  check and optimize the further signatures of a model that has several
benchmark   measure sizes and latency on this machine, for report.json
placement   measure memory, and choose Lambda or SageMaker
golden      a few requests with their answers, for golden.json
baseline    the distribution of held-out rows and of the answers to them, for baseline.json
explain     record background rows, and measure which features matter, if the manifest wants that
engine      the files of the engine, if SageMaker serves the model
publish     sign the files if there is a key, and add them to the store as the next version,
            completely or not at all
lock        enter the version in models.lock.json, and point the manifest's labels at it

Everything before `publish` happens in memory, and the last two stages each make one atomic change:
a kill at any time leaves store and lock unchanged or complete. A kill between the two leaves a
version that the lock does not have; the next run finds it by its identity.

With `engine: native` or `engine: python` the model is not converted, but goes through all stages:
the room `native` has what `convert` makes of its source. A language model, or a model for a custom
container, is not converted either: its trained files are streamed unchanged from `identity` to
`publish`. A graph has no file of its own: its models are packaged before it, and
`graphs/building.py` has its stages between `identity` and `publish`.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lading.functions.inference.artifact.specification import CARD, REPORT, SPECIFICATION
from lading.functions.inference.processing.processed import libraries_of
from lading.model_packaging.engines.served import locked_engine
from lading.model_packaging.graphs.job import GraphJob, resolve_graph
from lading.model_packaging.graphs.nodes import versions_of
from lading.model_packaging.lock.edits import record
from lading.model_packaging.lock.file import LockedSource, LockedVersion, read_lock
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.native.own_packages import requirements_of
from lading.model_packaging.optimizers.registry import OPTIMIZERS
from lading.model_packaging.placement.decision import fitting
from lading.model_packaging.placement.needs import Needs
from lading.model_packaging.report.card import render_card
from lading.model_packaging.report.figures import read_report
from lading.model_packaging.resolution import ConversionJob, Resolved, identity_of, resolve
from lading.model_packaging.sources.numbered_folder import stated_number
from lading.model_packaging.specification import Packaged, hand_over, summarize, target_of
from lading.model_packaging.stages import OnStage, Stages, ignore_stages
from lading.model_packaging.store.publication import Built, Seal, require_above
from lading.model_packaging.store.versions import Store

STAGES = (
    "resolve",
    "identity",
    "convert",
    "check",
    *(optimizer.stage for optimizer in OPTIMIZERS),
    "gate",
    "batches",
    "signatures",
    "benchmark",
    "placement",
    "golden",
    "baseline",
    "explain",
    "engine",
    "publish",
    "lock",
)

Builder = Callable[[ConversionJob, str, OnStage, Path], Built]
"""Builds the files of a job with this identity; writes unexpected tracebacks to the path."""

FAILURES = Path(".lading/failures")
"""The folder for tracebacks, next to the lock."""


def package(  # noqa: PLR0913, PLR0917 - all but the first three have defaults
    spec: ModelSpec,
    store: Store,
    lock: Path,
    on_stage: OnStage = ignore_stages,
    regions: Collection[str] = (),
    builder: Builder | None = None,
    seal: Seal | None = None,
    source: LockedSource | None = None,
) -> Packaged:
    """Publish a verified version of a model, or find the existing one.

    Args:
        spec: the model, from the manifest.
        store: the store of versions.
        lock: path of models.lock.json; created if it is missing.
        on_stage: called for each stage.
        regions: the regions for which the lock has the image of the engine's container.
        builder: builds the files; `building.build_here` by default, see also `isolated`.
        seal: signs a new version as it is published; None: it is not signed.
        source: what the lock keeps of the source, if that is not a file of the project.

    Raises:
        PackagingError: nothing is published, and the lock is unchanged.
    """
    details = lock.parent / FAILURES / f"{spec.name}.txt"
    stages = Stages(on_stage, spec, details)
    job: Resolved
    if spec.graph is None:
        job = stages.run("resolve", resolve, spec, regions)
    else:
        job = stages.run("resolve", resolve_graph, spec, spec.graph, lock, regions)
    known = stages.run("identity", _identify, job, store, lock, source)
    version = known.version
    if version is None:
        if isinstance(job, ConversionJob):
            built = (builder or _build_here)(job, known.identity, on_stage, details)
        elif isinstance(job, GraphJob):
            built = _build_graph(job, known.identity, stages)
        else:
            built = _hand_over(job, known.identity, stages)
        built = replace(built, files={**built.files, CARD: _card(spec, built)}, seal=seal)
        version = stages.run("publish", _publish, job, known, store, built)
    return stages.run("lock", _enter, job, known, store, lock, version)


def foresee(spec: ModelSpec, store: Store, lock: Path, regions: Collection[str] = ()) -> int | None:
    """Return the version that a model would keep, or None for a new one; nothing is written.

    Args:
        spec: the model, from the manifest; of a graph, the models that it has now count.
        store: the store of versions.
        lock: path of models.lock.json.
        regions: as for `package`.

    Raises:
        PackagingError: it cannot be packaged, as far as that is known before it is converted.
    """
    job: Resolved
    if spec.graph is None:
        job, _ = resolve(spec, regions)
    else:
        job, _ = resolve_graph(spec, spec.graph, lock, regions)
    known, _ = _identify(job, store, lock, None)
    return known.version


def _build_here(job: ConversionJob, identity: str, on_stage: OnStage, details: Path) -> Built:
    from lading.model_packaging.building import build_here  # what it imports takes a while

    return build_here(job, identity, on_stage, details)


def _build_graph(job: GraphJob, identity: str, stages: Stages) -> Built:
    from lading.model_packaging.graphs.building import build_graph

    return build_graph(job, identity, stages)


def _hand_over(job: Resolved, identity: str, stages: Stages) -> Built:
    assert job.served is not None
    needs = Needs(job.spec.name, job.served.files.size, converted=False)
    decision = stages.run("placement", fitting, job.spec.target, needs)
    return hand_over(job.spec.name, identity, job.source, job.served, decision, job.spec.training)


@dataclass(frozen=True, slots=True)
class _Known:
    """The state of a model in store and lock; `version` has this identity, if there is one.

    `source` is what the lock will keep of its source.
    """

    identity: str
    pinned: Mapping[int, str]
    version: int | None
    source: LockedSource | None


def _identify(
    job: Resolved, store: Store, lock: Path, source: LockedSource | None
) -> tuple[_Known, str]:
    identity = identity_of(job)
    pinned = read_lock(lock).digests(job.spec.name)
    version = store.find(job.spec.name, identity, pinned)
    number = _number(job)
    if version is None and number is not None:  # checked before the conversion, which takes minutes
        require_above(job.spec.name, number, (*store.versions(job.spec.name), *pinned))
    outcome = f"unchanged since version {version}" if version else f"new, {identity[:19]}"
    return _Known(identity, pinned, version, source), outcome


def _card(spec: ModelSpec, built: Built) -> bytes:
    specification = json.loads(built.files[SPECIFICATION])
    report = read_report(built.files.get(REPORT, b""))
    return render_card(specification, report, spec.card).encode()


def _publish(job: Resolved, known: _Known, store: Store, built: Built) -> tuple[int, str]:
    version = store.publish(job.spec.name, built, known.pinned, _number(job))
    return version, f"version {version}"


def _number(job: Resolved) -> int | None:
    """Return the version number that the source states, if any."""
    return stated_number(job.spec.source) if isinstance(job, ConversionJob) else None


def _enter(
    job: Resolved, known: _Known, store: Store, lock: Path, version: int
) -> tuple[Packaged, str]:
    spec = job.spec
    published = store.open(spec.name, version, known.pinned.get(version))
    artifact = published.artifact
    copy = store.copy(spec.name, version, artifact.digest, lock)
    engine = locked_engine(spec, artifact, job.regions)
    entry = LockedVersion(
        identity=artifact.identity,
        digest=artifact.digest,
        target=target_of(artifact),
        engine=engine,
        stores=(copy,),
        processing=libraries_of(artifact),
        requirements=requirements_of(artifact.native),
        nodes=versions_of(artifact),
    )
    locked = record(lock, spec.name, version, entry, spec.labels, known.source).model(spec.name)
    labels = tuple(sorted(name for name, number in locked.labels.items() if number == version))
    packaged = summarize(published, version, built=known.version is None, labels=labels)
    return packaged, f"version {version}: {', '.join(labels) or 'no labels'}"
