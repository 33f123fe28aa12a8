"""What `lading batch --on aws --dry-run` says: the engine, why, the rows and the cost."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

from lading.batch.engine_choice import EngineChoice
from lading.batch.publishing import work_folder
from lading.batch.run import Batch, open_input
from lading.batch.s3 import SCHEME, RemoteFiles
from lading.batch.staging import in_place
from lading.functions.inference.models.predictor import ModelMetadata


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """A batch that was not started.

    Args:
        model: the model.
        version: its version.
        engine: AWS's name of what would answer.
        reason: why; it completes "because".
        rows: the rows of the input; of an object with lines, about as many.
        estimated: the cost, in dollars; None: there is no price.
    """

    model: str
    version: int
    engine: str
    reason: str
    rows: int
    estimated: float | None

    def to_json(self) -> dict[str, Any]:
        """Return it as a document."""
        return asdict(self)

    def told(self) -> str:
        """Return it as a text."""
        return (
            f"{self.model} version {self.version}: {self.engine}, because {self.reason}\n"
            f"about {self.rows:,} rows, estimated at {dollars(self.estimated)}; nothing is started"
        )


def planned(
    batch: Batch,
    choice: EngineChoice,
    metadata: ModelMetadata,
    estimate: Callable[[int], float | None],
) -> BatchPlan:
    """Return what a batch would be; its rows are counted, and nothing is uploaded.

    Raises:
        BatchError: the input cannot be used.
    """
    rows = _count(batch, choice, metadata)
    cost = estimate(rows)
    return BatchPlan(
        model=batch.model,
        version=batch.version,
        engine=choice.title,
        reason=choice.reason,
        rows=rows,
        estimated=None if cost is None else round(cost, 6),
    )


def dollars(amount: float | None) -> str:
    """Return an amount as a text."""
    return (
        "an unknown cost, since prices.yaml lacks the instance"
        if amount is None
        else f"${amount:,.4f}"
    )


def _count(batch: Batch, choice: EngineChoice, metadata: ModelMetadata) -> int:
    files = RemoteFiles()
    there = in_place(batch.source) if choice.name == "map" else None
    if there is not None and there.kind == "files":
        return len(files.names(batch.source))
    if there is not None:
        return files.about_lines(batch.source)
    work = work_folder(batch.output)
    with work.held() if batch.source.startswith(SCHEME) else nullcontext():
        source, _ = open_input(batch.source, work, files)
        source.check(metadata)
        return sum(len(chunk.rows) for chunk in source.chunks(batch.chunk))
