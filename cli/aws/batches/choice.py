"""Which engine of AWS answers a batch of a model, by the lock and the stage; and its prices."""

import typer

from lading.batch.cost import InstancePrice
from lading.batch.engine_choice import EngineChoice, ServedBy, choose_engine
from lading.batch.run import Batch
from lading.cli.aws.batches.engine import EngineBatch
from lading.cli.aws.batches.executions import BatchService
from lading.cli.aws.batches.function import batch_service, row_ms_of
from lading.cli.aws.batches.jobs import EngineJobs
from lading.model_packaging.engines.gpu_drivers import cuda_of
from lading.model_packaging.lock.file import LockedEngine
from lading.model_packaging.placement.prices import read_prices
from lading.stacks.stages.batch import BatchSettings
from lading.stacks.stages.sagemaker import has_gpu
from lading.stacks.stages.settings import Deployment


def choice_of(
    wanted: Batch, engine: LockedEngine | None, deployment: Deployment, region: str | None
) -> EngineChoice:
    """Return the engine of a batch, before anything is asked of AWS.

    Raises:
        BadParameter: no engine runs on its instances, or the stage names none.
    """
    if engine is None:
        return choose_engine(ServedBy())
    instance = instance_of(wanted.model, deployment)
    place = region or next(iter(deployment.settings.regions), None)
    known = engine.images.get(place) if place else next(iter(engine.images.values()), None)
    try:
        cuda = cuda_of(known or "")
        return choose_engine(ServedBy(instance, has_gpu(instance), cuda, engine.archive))
    except ValueError as error:
        raise typer.BadParameter(f"model '{wanted.model}': {error}") from error


def instance_of(model: str, deployment: Deployment) -> str:
    """Return the instance type of a model's batches.

    Raises:
        BadParameter: the stage has none.
    """
    settings = deployment.settings.model(model)
    batch = settings.batch or BatchSettings()
    instance = batch.instance or next(iter(settings.sagemaker.instances), None)
    if instance is None:
        key = f"stages.{deployment.stage}.models.{model}"
        raise typer.BadParameter(
            f"model '{model}' is served at an endpoint; write the instance type of its batches to "
            f"{key}.batch.instance in stages.yaml"
        )
    return instance


def engine_batch(
    wanted: Batch, choice: EngineChoice, deployment: Deployment, region: str | None
) -> EngineBatch:
    """Return a batch by jobs of SageMaker, with the price of its instances."""
    batch = deployment.settings.model(wanted.model).batch or BatchSettings()
    found = read_prices().batch_instance(instance_of(wanted.model, deployment))
    price = None
    if found is not None:
        price = InstancePrice(found.hour, found.processors, batch.instance_count)
    jobs = EngineJobs(*_place(deployment, wanted.model, region))
    return EngineBatch(wanted, choice, jobs, price, row_ms_of(wanted))


def batches_of(
    deployment: Deployment, name: str, engine: LockedEngine | None, region: str | None
) -> BatchService | EngineJobs:
    """Return the batches of a model: executions of its state machine, or jobs."""
    if engine is None:
        return batch_service(deployment, name, region)
    return EngineJobs(*_place(deployment, name, region))


def _place(deployment: Deployment, name: str, region: str | None) -> tuple[str, str, str | None]:
    wanted = region or next(iter(deployment.settings.regions), None)
    return deployment.names.model_stack(name), name, wanted
