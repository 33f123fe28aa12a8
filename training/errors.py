"""Errors of training and evaluation.

PackagingError
└── TrainingError           a training or a comparison cannot be done, or failed; nothing published
    ├── NotTrained          no training has the present code, data and parameters
    ├── ScriptFailed        the script failed, or was stopped
    └── CloudRefused        AWS or its library returned an error
"""

from collections.abc import Sequence
from pathlib import Path

from lading.model_packaging.errors import PackagingError, Place


class TrainingError(PackagingError):
    """A training or a comparison cannot be done, or failed; nothing is published.

    Remedy: correct what the text names, and train again.

    Args:
        place: file, line and key of what is responsible in the manifest.
        reason: what is wrong, and what to do.
    """

    def __init__(self, place: Place, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place, self.reason = place, reason


class NotTrained(TrainingError):
    """No training has the present code, data and parameters.

    Remedy: run the command that the text names.
    """

    def __init__(self, place: Place, model: str, command: str = "train") -> None:
        self.model = model
        advice = f"run `lading {command} {model}`"
        super().__init__(place, f"is not trained with its present code, data and values; {advice}")


class ScriptFailed(TrainingError):
    """The script failed or was stopped; `last` are the last lines of its output.

    Remedy: read the last lines of the script's output, which the text shows.
    """

    def __init__(self, place: Place, ending: str, log: Path | str, last: Sequence[str]) -> None:
        self.ending, self.log, self.last = ending, log, tuple(last)
        quoted = "".join(f"\n    {line}" for line in last)
        end = f"; its last lines:{quoted}" if last else "; it printed nothing"
        super().__init__(place, f"{ending}; nothing is published; {log} has its output{end}")


class CloudRefused(TrainingError):
    """AWS or its library returned an error.

    Remedy: check credentials, permissions and quotas of SageMaker.
    """
