"""The models that an optimizer chose from, for report.json: what was kept, and what was refused."""

from dataclasses import dataclass
from typing import Any, Literal

from lading.model_packaging.measure.change import AccuracyChange

Outcome = Literal["chosen", "refused", "not tried"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of the models that an optimizer may have published.

    Args:
        name: of the way to make it, such as a scheme of quantization.
        outcome: whether it was chosen.
        reason: why it was not; empty if it was.
        bytes: its size; None if it was not made.
        change: what the accuracy gate measured; None if it was not asked.
    """

    name: str
    outcome: Outcome
    reason: str = ""
    bytes: int | None = None
    change: AccuracyChange | None = None

    def to_json(self) -> dict[str, Any]:
        """As written in report.json, without what is not known."""
        document = {
            "name": self.name,
            "outcome": self.outcome,
            "reason": self.reason,
            "bytes": self.bytes,
            "accuracy": self.change.to_json() if self.change else None,
        }
        return {key: value for key, value in document.items() if value not in ("", None)}
