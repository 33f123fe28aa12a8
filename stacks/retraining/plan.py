"""Which models the cloud trains again, and where their versions are published."""

from dataclasses import dataclass
from pathlib import Path

from lading.functions.contract.names import DEFAULT_LABEL, artifact_archive, artifact_folder
from lading.model_packaging.errors import PackagingError
from lading.model_packaging.lock.file import LocalCopy, LockedVersion, S3Copy, read_lock
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.model_packaging.manifest.retraining import require_retrainable
from lading.model_packaging.manifest.training import TrainSpec
from lading.stacks.errors import PlanError, StackError
from lading.stacks.retraining.roles import repository_of
from lading.stacks.stages.settings import Deployment


@dataclass(frozen=True, slots=True)
class PlannedRetraining:
    """One model that the cloud trains again.

    Args:
        spec: the model.
        train: how it is trained.
        lock: path of models.lock.json, which may be absent.
        store: bucket and prefix of the versions; None: the stage's artifact bucket.
        champion: folder of the version that serves, if it is only on this machine; relative to
            the lock's folder.
    """

    spec: ModelSpec
    train: TrainSpec
    lock: Path
    store: tuple[str, str] | None
    champion: Path | None


def plan_retraining(
    manifest: Path, lock: Path, deployment: Deployment, region: str | None
) -> tuple[PlannedRetraining, ...]:
    """Return the models of a stage that the cloud trains again; in the stage's first region only.

    Args:
        manifest: path of models.yaml.
        lock: path of models.lock.json, which may be absent.
        deployment: the stage.
        region: the region; None: the AWS profile's.

    Raises:
        StackError: a model cannot be trained in the cloud; with the place in models.yaml.
    """
    settings = deployment.settings
    if not settings.retraining.enabled or region not in (None, *settings.regions[:1]):
        return ()
    try:
        specs = load_manifest(manifest).models.values()
        return tuple(
            _plan(spec, require_retrainable(spec), lock, deployment, region)
            for spec in specs
            if spec.train is not None and spec.train.retrains
        )
    except PackagingError as error:
        raise StackError(str(error)) from error


def _plan(
    spec: ModelSpec, train: TrainSpec, lock: Path, deployment: Deployment, region: str | None
) -> PlannedRetraining:
    try:
        repository_of(str(train.image))
    except ValueError as error:
        raise StackError(f"{spec.place('train.image')}: {error}") from error
    model = read_lock(lock).model(spec.name)
    number = model.labels.get(DEFAULT_LABEL)
    if number is None:
        return PlannedRetraining(spec, train, lock, None, None)
    entry = model.versions[number]
    copy = _remote(entry, deployment, region)
    if copy is not None:
        prefix = copy.key.removesuffix(artifact_archive(spec.name, number))
        return PlannedRetraining(spec, train, lock, (copy.bucket, prefix), None)
    folders = (
        Path(each.path) / artifact_folder(spec.name, number)
        for each in entry.stores
        if isinstance(each, LocalCopy)
    )
    champion = next((each for each in folders if (lock.parent / each).is_dir()), None)
    if champion is None or ".." in champion.parts or champion.is_absolute():
        reason = "is in no bucket of this region, and a new version is compared with it there; run "
        raise PlanError(spec.name, number, f"{reason}`lading push --store s3://BUCKET`")
    return PlannedRetraining(spec, train, lock, None, champion)


def _remote(entry: LockedVersion, deployment: Deployment, region: str | None) -> S3Copy | None:
    """Return the copy in S3 of this region; None for an emulated account with a local copy."""
    copies = [each for each in entry.stores if isinstance(each, S3Copy)]
    if deployment.local and len(copies) < len(entry.stores):
        return None
    wanted = deployment.settings.artifact_buckets.get(region or "")
    return next((each for each in copies if wanted in (None, each.bucket)), None)
