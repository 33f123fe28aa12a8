"""A batch that jobs of SageMaker are to answer, and what it would cost."""

from dataclasses import dataclass

from lading.batch.cost import InstancePrice, job_cost, job_seconds
from lading.batch.engine_choice import EngineChoice
from lading.batch.engine_requests import open_engine
from lading.batch.run import Batch
from lading.cli.aws.batches.jobs import EngineJobs
from lading.functions.inference.models.predictor import ModelMetadata


@dataclass(frozen=True, slots=True)
class EngineBatch:
    """What a batch by jobs is made of.

    Args:
        batch: what it is to do.
        choice: the engine that answers it.
        jobs: the jobs of the model in the account.
        price: of the instances; None: unknown.
        row_ms: the model's time for a row on a processor, in milliseconds.
    """

    batch: Batch
    choice: EngineChoice
    jobs: EngineJobs
    price: InstancePrice | None
    row_ms: float

    def metadata(self) -> ModelMetadata:
        """Return what the model is."""
        batch = self.batch
        return open_engine(batch.root, batch.model, batch.version, batch.digest).metadata

    def estimate(self, rows: int) -> float | None:
        """Return the cost that is expected, in dollars; None: there is no price."""
        if self.price is None:
            return None
        return job_cost(self.price, job_seconds(self.price, rows, self.row_ms))
