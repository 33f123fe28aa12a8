"""What is counted of one version in one window: enough to compare it, and no payload."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from lading.functions.contract.steps import Histogram


@dataclass(frozen=True, slots=True)
class VersionCounts:
    """Requests of one version and what became of them.

    Args:
        requests: requests that were answered, or failed.
        errors: of these, the service's own failures: status 500 and above, and crashes.
        latency: milliseconds on the grid of `steps` -> requests.
        classes: predicted class -> rows.
        scores: score on the grid of `steps` -> rows.
    """

    requests: int = 0
    errors: int = 0
    latency: Histogram = field(default_factory=dict)
    classes: Mapping[str, int] = field(default_factory=dict)
    scores: Histogram = field(default_factory=dict)

    def __add__(self, other: "VersionCounts") -> "VersionCounts":
        """Return the counts of both windows together."""
        return total((self, other))

    def to_json(self) -> dict[str, Any]:
        """Return the counts as a JSON object."""
        return {
            "requests": self.requests,
            "errors": self.errors,
            "latency": {str(step): count for step, count in sorted(self.latency.items())},
            "classes": dict(self.classes),
            "scores": {str(step): count for step, count in sorted(self.scores.items())},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_json` returned."""
        return cls(
            requests=int(document["requests"]),
            errors=int(document["errors"]),
            latency={int(step): int(count) for step, count in document["latency"].items()},
            classes={str(name): int(count) for name, count in document["classes"].items()},
            scores={int(step): int(count) for step, count in document["scores"].items()},
        )


NOTHING = VersionCounts()


def total(windows: Iterable[VersionCounts]) -> VersionCounts:
    """Return the counts of several windows together."""
    requests, errors = 0, 0
    latency, classes, scores = Counter[int](), Counter[str](), Counter[int]()
    for window in windows:
        requests, errors = requests + window.requests, errors + window.errors
        latency.update(window.latency)
        classes.update(window.classes)
        scores.update(window.scores)
    return VersionCounts(requests, errors, dict(latency), dict(classes), dict(scores))
