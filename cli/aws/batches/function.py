"""The function that answers a batch in the cloud: where it is deployed, and what it costs."""

import json

from lading.batch.cost import FunctionPrice
from lading.batch.run import Batch
from lading.cli.aws.batches.executions import BatchService
from lading.cli.aws.batches.function_run import CloudFunction
from lading.functions.contract.names import artifact_folder
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import REPORT
from lading.functions.inference.models.predictor import ModelMetadata
from lading.model_packaging.placement.options import MILLION
from lading.model_packaging.placement.prices import read_prices
from lading.stacks.stages.settings import Deployment

_MIB_IN_GIB = 1024


def batch_service(deployment: Deployment, name: str, region: str | None) -> BatchService:
    """Return the batches of a model, in a region or in the first one of the stage."""
    wanted = region or next(iter(deployment.settings.regions), None)
    return BatchService(deployment.names.model_stack(name), name, wanted)


def batch_function(wanted: Batch, deployment: Deployment) -> CloudFunction:
    """Return what is known of the function: its settings, its prices, and the measured model."""
    folder = wanted.root / artifact_folder(wanted.model, wanted.version)
    artifact = read_artifact(folder, wanted.digest)
    metadata = ModelMetadata(artifact.name, wanted.version, "", artifact.inputs, artifact.outputs)
    settings, prices = deployment.settings.model(wanted.model), read_prices()
    price = FunctionPrice(
        gb_second=prices.lambda_.gb_second,
        request=prices.lambda_.requests_per_million / MILLION,
        memory_gb=settings.memory_mb / _MIB_IN_GIB,
        transition=prices.batch.transitions_per_million / MILLION,
        write=prices.batch.writes_per_million / MILLION,
        read=prices.batch.reads_per_million / MILLION,
    )
    return CloudFunction(metadata, price, row_ms_of(wanted), settings.timeout_s)


def row_ms_of(wanted: Batch) -> float:
    """Return the time of a row on one processor, as packaging measured it; 0 if it did not."""
    report = wanted.root / artifact_folder(wanted.model, wanted.version) / REPORT
    if not report.exists():
        return 0.0
    document = json.loads(report.read_bytes())
    return float(document.get("footprint", {}).get("one_processor_ms") or 0.0)
