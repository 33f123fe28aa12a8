"""The plan of a deployment, from models.yaml, models.lock.json and the settings of a stage.

Every error in them is found here, before any stack is created. The plan depends only on these
files, not on what else is on this machine: if the lock names S3, the function's layer is from S3.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from lading.functions.contract.limits import LAMBDA, MEGABYTE
from lading.functions.contract.names import DEFAULT_LABEL, Library, S3Object, artifact_folder
from lading.functions.contract.routes import RESERVED_NAMES
from lading.functions.contract.split import VersionSplit
from lading.model_packaging.errors import PackagingError, likely
from lading.model_packaging.lock.file import (
    LocalCopy,
    Lock,
    LockedModel,
    LockedVersion,
    S3Copy,
    read_lock,
)
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.stacks.errors import PlanError, SettingsError, StackError
from lading.stacks.plan.endpoints import Endpoint, plan_endpoint, require_instances
from lading.stacks.plan.graphs import remote_nodes, require_nodes
from lading.stacks.plan.managed import plan_managed
from lading.stacks.plan.signatures import StageSignatures
from lading.stacks.plan.split import labels_of, plan_split
from lading.stacks.stages.managed import ManagedSettings
from lading.stacks.stages.settings import Deployment, ModelSettings
from lading.stacks.stages.shadow import endpoint_conflict

GOLDEN = "golden.json"
"""Name of the file of golden requests in an artifact."""

_SPECIFICATION = "artifact.json"


@dataclass(frozen=True, slots=True)
class LocalArtifact:
    """An artifact in a folder on this machine, which is uploaded as an asset.

    Args:
        folder: folder of the version.
        digests: file name -> SHA-256, of all files.
        size: bytes of all files.
    """

    folder: Path
    digests: Mapping[str, str]
    size: int
    layer: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class S3Artifact:
    """An artifact in S3.

    Args:
        archive: the zip, in the layout of a layer.
        golden: key of the golden requests, if there are any.
        size: unpacked bytes.
    """

    archive: S3Object
    golden: str | None
    size: int

    @property
    def layer(self) -> bool:
        """Whether it fits in a layer; otherwise the function reads it into memory."""
        return self.size <= LAMBDA.artifact_bytes


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """One model to serve.

    Args:
        name: name of the model.
        version: the version with the label `stable`.
        digest: SHA-256 of the version's artifact.json.
        artifact: where the version is.
        settings: settings of its function.
        endpoint: its endpoint on SageMaker, for which the function is a proxy; None: the function
            computes answers itself.
        processing: libraries of its processing steps, each in its own layer.
        requirements: the packages of a class of the user's own, which get a layer.
        managed: how its function runs on Lambda Managed Instances; None: on Lambda itself.
        remote: the models of a graph that are at endpoints of their own.
        shadow: the version that answers in its shadow, if there is one.
        beside: other versions that its function serves too.
        split: which of these versions answers a request; None: `version` answers all.
        labels: labels of these versions.
    """

    name: str
    version: int
    digest: str
    artifact: LocalArtifact | S3Artifact
    settings: ModelSettings
    endpoint: Endpoint | None = None
    processing: tuple[Library, ...] = ()
    requirements: tuple[str, ...] = ()
    managed: ManagedSettings | None = None
    remote: tuple[str, ...] = ()
    shadow: "PlannedModel | None" = None
    beside: tuple["PlannedModel", ...] = ()
    split: VersionSplit | None = None
    labels: Mapping[str, int] = field(default_factory=dict)

    @property
    def served(self) -> tuple["PlannedModel", ...]:
        """Every version that its function serves, the stable one first."""
        return (self, *self.beside)


@dataclass(frozen=True, slots=True)
class RegionPlan:
    """The deployment of one region.

    Args:
        models: the models to deploy.
        waiting: models of the manifest that are not deployed -> the reason.
        unsigned: models that are deployed without a valid signature -> the reason.
    """

    models: tuple[PlannedModel, ...]
    waiting: Mapping[str, str] = field(default_factory=dict)
    unsigned: Mapping[str, str] = field(default_factory=dict)


def plan_models(
    manifest: Path, lock: Path, deployment: Deployment, region: str | None
) -> RegionPlan:
    """Return the models of one region of a stage.

    Args:
        manifest: path of models.yaml.
        lock: path of models.lock.json, which may be absent.
        deployment: the stage.
        region: the region; None: the AWS profile's.

    Raises:
        StackError: a file is invalid, or a version cannot be deployed.
    """
    try:
        names, locked = load_manifest(manifest).models, read_lock(lock)
    except PackagingError as error:
        raise StackError(str(error)) from error
    _require_known(deployment, names)
    _require_free_base_path(deployment, names)
    signatures = StageSignatures(deployment, lock)
    waiting = {name: reason for name in names if (reason := _reason_to_wait(locked, name))}
    models = tuple(
        _plan(spec, locked, signatures, deployment, region)
        for name, spec in names.items()
        if name not in waiting
    )
    _require_apart(models, deployment)
    _require_twins(models, waiting)
    for model in models:
        nodes = locked.model(model.name).versions[model.version].nodes
        require_nodes(model, nodes, model.remote, models)
    return RegionPlan(models, waiting, signatures.unsigned)


def _require_known(deployment: Deployment, names: Iterable[str]) -> None:
    """Refuse settings of an unknown model: its name is probably misspelled."""
    for name in set(deployment.settings.models) - set(names):
        guess = likely(name, names)
        advice = f"did you mean '{guess}'?" if guess else f"there are {', '.join(names)}"
        key = f"stages.{deployment.stage}.models"
        raise SettingsError(f"{key}: there is no model '{name}'; {advice}")


def _require_free_base_path(deployment: Deployment, names: Iterable[str]) -> None:
    """Refuse a base path that is also the start of a path below the API's root."""
    base_path = deployment.settings.domain.base_path if deployment.settings.domain else ""
    if base_path in {*names, *RESERVED_NAMES}:
        what = "a path of a dialect" if base_path in RESERVED_NAMES else "a model"
        key = f"stages.{deployment.stage}.domain.base_path"
        raise SettingsError(f"{key}: '{base_path}' is also the name of {what}; choose another")


def _reason_to_wait(locked: Lock, name: str) -> str | None:
    if not locked.model(name).versions:
        return f"it is not packaged yet; run `lading package {name}`"
    if DEFAULT_LABEL not in locked.model(name).labels:
        return f"no version of it has the label '{DEFAULT_LABEL}'"
    return None


def _require_apart(models: tuple[PlannedModel, ...], deployment: Deployment) -> None:
    owners: dict[str, str] = {}
    for model in models:
        function = deployment.names.function(model.name)
        other = owners.setdefault(function.lower(), model.name)
        if other != model.name:
            reason = f"its function would have the same name as that of model '{other}'; rename one"
            raise PlanError(model.name, model.version, reason)


def _require_twins(models: Iterable[PlannedModel], waiting: Mapping[str, str]) -> None:
    for model in models:
        twin = model.endpoint.twin if model.endpoint else None
        if twin is not None and twin in waiting:
            raise PlanError(
                model.name, model.version, f"its twin '{twin}' is not deployed: {waiting[twin]}"
            )


def _plan(
    spec: ModelSpec,
    locked: Lock,
    signatures: StageSignatures,
    deployment: Deployment,
    region: str | None,
) -> PlannedModel:
    name, model = spec.name, locked.model(spec.name)
    version = model.labels[DEFAULT_LABEL]

    def plan_version(number: int) -> PlannedModel:
        numbered = (number, model.versions[number])
        planned = _plan_version(spec, numbered, signatures, deployment, region)
        if planned.endpoint is not None:  # which has them all
            return planned
        return replace(planned, remote=remote_nodes(locked, model.versions[number].nodes))

    planned = plan_version(version)
    try:
        split = plan_split(planned.settings.split, model)
        planned = _with_split(planned, split, model, plan_version)
    except ValueError as error:
        raise PlanError(name, version, str(error)) from error
    wanted = planned.settings.shadow
    if wanted is None:
        return planned
    if reason := shadow_conflict(wanted.version, planned, model.versions):
        raise PlanError(name, version, reason)
    return replace(planned, shadow=plan_version(wanted.version))


def _with_split(
    planned: PlannedModel,
    split: VersionSplit | None,
    model: LockedModel,
    plan_version: Callable[[int], PlannedModel],
) -> PlannedModel:
    """Return the stable version with the others that its function serves.

    Raises:
        ValueError: one function cannot serve them.
    """
    planned = replace(planned, split=split, labels=labels_of(split, model))
    if split is None:
        return planned
    others = sorted({*split.percents} - {planned.version})
    planned = replace(planned, beside=tuple(map(plan_version, others)))
    if any(each.remote for each in planned.served):
        raise ValueError("`split` is not for graphs with models at endpoints; remove it")
    libraries = {library for each in planned.served for library in each.processing}
    lines = {line: None for each in planned.served for line in each.requirements}
    return replace(planned, processing=tuple(sorted(libraries)), requirements=(*lines,))


def shadow_conflict(
    version: int, serving: PlannedModel, locked: Mapping[int, LockedVersion]
) -> str | None:
    """Return why a version cannot answer in the shadow of the one that serves; None: it can."""
    if version not in locked:
        known = ", ".join(map(str, sorted(locked)))
        return f"its `shadow` names version {version}, which the lock does not have; it has {known}"
    if version in {each.version for each in serving.served}:
        return f"its `shadow` names version {version}, which serves; name another one"
    if serving.managed or serving.remote:
        return "`shadow` is for models on Lambda itself or at an endpoint of their own; remove it"
    if (serving.endpoint is None) != (locked[version].engine is None):
        there = "SageMaker" if serving.endpoint is None else "Lambda"
        return f"its `shadow` names version {version}, which runs on {there}; this one does not"
    if serving.endpoint is None:
        return None if locked[version].target == "lambda" else _NOT_HERE
    return endpoint_conflict(serving.settings.sagemaker)


_ONLY_CONTAINER = (
    "it runs your code, and its target is a container; serve it with `lading serve` or in a "
    "container (docs/native.md), and give it no label 'stable', so that stages leave it out; or, "
    "with engine: python, set target: lambda and package it again"
)
_NOT_HERE = "`shadow` is for models whose versions all run on Lambda itself; remove it"


def _plan_version(
    spec: ModelSpec,
    numbered: tuple[int, LockedVersion],
    signatures: StageSignatures,
    deployment: Deployment,
    region: str | None,
) -> PlannedModel:
    name, lock, (version, entry) = spec.name, signatures.lock, numbered
    endpoint = None
    try:
        copy = _choose(entry, deployment, region)
        signatures.check(name, version, entry, copy)
        if entry.engine is not None:
            require_instances(name, deployment)
            endpoint = plan_endpoint(entry.engine, copy, deployment, region, spec.twin)
        managed = (
            plan_managed(name, deployment, region) if entry.target == "lambda-managed" else None
        )
        artifact: LocalArtifact | S3Artifact
        if isinstance(copy, S3Copy):
            archive = S3Object(copy.bucket, copy.key, copy.version_id, copy.owner or "")
            artifact = S3Artifact(archive, copy.golden, copy.bytes)
        else:
            artifact = _local(lock.parent / copy.path / artifact_folder(name, version), entry)
    except ValueError as error:
        raise PlanError(name, version, str(error)) from error
    settings = deployment.settings.model(name)
    if deployment.local or managed:
        settings = settings.model_copy(update={"provisioned_concurrency": None})
    planned = PlannedModel(name, version, entry.digest, artifact, settings, endpoint)
    planned = replace(planned, processing=entry.processing, requirements=entry.requirements)
    return replace(planned, managed=managed)


def _choose(entry: LockedVersion, deployment: Deployment, region: str | None) -> LocalCopy | S3Copy:
    """Return the copy to deploy from.

    Raises:
        ValueError: there is none for this region; the text says what to do.
    """
    if entry.target == "container":
        raise ValueError(_ONLY_CONTAINER)
    local = [copy for copy in entry.stores if isinstance(copy, LocalCopy)]
    remote = [copy for copy in entry.stores if isinstance(copy, S3Copy)]
    if not remote or (deployment.local and local):
        return local[0]
    settings = deployment.settings
    wanted = settings.artifact_buckets.get(region or "")
    if wanted is not None:
        copies = [copy for copy in remote if copy.bucket == wanted]
        if not copies:
            raise ValueError(
                f"the lock has no copy in {wanted}; run `lading push --store s3://{wanted}`"
            )
        return copies[0]
    buckets = sorted({copy.bucket for copy in remote})
    if len(buckets) > 1 or len(settings.regions) > 1:
        stage = f"stages.{deployment.stage}"
        advice = f"write its bucket to {stage}.artifact_buckets.{region}"
        if region is None:
            advice = f"write the region to {stage}.regions, and its bucket to {stage}"
            advice += ".artifact_buckets, as {eu-central-1: BUCKET},"
        raise ValueError(
            f"the lock names S3 ({', '.join(buckets)}), and a function reads artifacts only from "
            f"its own region; {advice} in stages.yaml"
        )
    return remote[0]


def _local(folder: Path, entry: LockedVersion) -> LocalArtifact:
    """Return the artifact in a folder, after a quick check of its description.

    Raises:
        ValueError: it is missing, or is not the locked one.
    """
    try:
        content = (folder / _SPECIFICATION).read_bytes()
        found = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if found != entry.digest:
            raise ValueError(f"{folder} is not the locked artifact; restore it, or package again")
        files = json.loads(content)["files"]
        digests = {_SPECIFICATION: entry.digest, **files}
        size = sum((folder / name).stat().st_size for name in digests)
    except OSError as error:
        advice = "run `lading package`, or `lading pull` from another store"
        raise ValueError(f"{error.filename} is missing; {advice}") from error
    if size > LAMBDA.artifact_bytes:
        raise ValueError(
            f"it has {size / MEGABYTE:.1f} MB, over the {LAMBDA.artifact_bytes / MEGABYTE:.0f} MB "
            "of a layer; run `lading push --store s3://...`, and its function loads it from S3"
        )
    return LocalArtifact(folder, digests, size)
