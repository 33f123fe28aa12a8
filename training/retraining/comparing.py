"""Compares a retrained version with the one that serves, and proposes its label."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lading.functions.contract.names import DEFAULT_LABEL
from lading.functions.inference.artifact.specification import Artifact
from lading.model_packaging.lock.file import Lock, LockedVersion
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.store.transfer import read_nearest
from lading.training.evaluation import evaluate, settings_of
from lading.training.retraining.event import RetrainedVersion

CANDIDATE = "candidate"


def champion_of(spec: ModelSpec, lock: Lock) -> int | None:
    """Return the version that serves; None if no version has the label `stable`."""
    return lock.model(spec.name).labels.get(DEFAULT_LABEL)


def compared(
    spec: ModelSpec, champion: int | None, number: int, lock: Path, entries: Lock
) -> RetrainedVersion:
    """Compare a version with the champion.

    Args:
        spec: the model.
        champion: the version that serves; None: there is nothing to compare with.
        number: the new version.
        lock: path of the lock, beside which local copies are.
        entries: the lock's content, with both versions.

    Raises:
        TrainingError: the manifest does not say how to compare.
        DataUnusable: the held-out rows do not fit.
        StoreError: a version cannot be read.
    """
    versions = entries.model(spec.name).versions
    entry = versions[number]
    if champion is None:
        _, wanted = settings_of(spec)
        label = None if wanted.promote == "never" else CANDIDATE
        return _event(spec, number, entry, None, label, "no version serves yet", [])
    before, after = (_artifact(spec, each, versions, lock) for each in (champion, number))
    found = evaluate(spec, before, after, (champion, number))
    metrics: list[Mapping[str, Any]] = [asdict(each) for each in found.compared]
    decision = found.decision
    return _event(spec, number, entry, champion, decision.label, decision.reason, metrics)


def _artifact(
    spec: ModelSpec, number: int, versions: Mapping[int, LockedVersion], lock: Path
) -> Artifact:
    return read_nearest(spec.name, number, versions[number], lock).artifact


def _event(  # noqa: PLR0913, PLR0917 - the fields of the event
    spec: ModelSpec,
    number: int,
    entry: LockedVersion,
    against: int | None,
    label: str | None,
    reason: str,
    comparison: list[Mapping[str, Any]],
) -> RetrainedVersion:
    return RetrainedVersion(
        model=spec.name,
        version=number,
        digest=entry.digest,
        against=against,
        label=label,
        reason=reason,
        comparison=comparison,
        entry=entry,
    )
