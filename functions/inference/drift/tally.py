"""Counts groups of predictions in the bins of a version's baseline, and writes its log line.

    {"message": "drift", "model": "digits", "version": "3", "baseline": "1f0c...", "rows": 360,
     "since": 1700000000000, "until": 1700000060000, "requests": 5000, "counted": 1250,
     "features": [{"name": "pixels[0]", "side": "inputs", "kind": "numbers",
                   "expected": [...], "counts": [...]}, ...]}

`counted` of `requests` were counted; `expected` are the counts of the baseline's `rows`, so that a
line can be judged without the artifact. `bins.py` says what each place means.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from lading.functions.contract.names import METRICS
from lading.functions.inference.drift.baseline import Feature, read_baseline
from lading.functions.inference.drift.held import Held
from lading.functions.inference.drift.views import joined
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.models.predictor import Predictor
from lading.functions.inference.tensors.conversion import Array

MESSAGE: Final = "drift"

Answered = tuple[Prediction, Mapping[str, Array]]
"""A prediction that was made, and what the model answered."""


class Span(NamedTuple):
    """The requests of a line: from when to when, in milliseconds since 1970, and how many."""

    since: int
    until: int
    requests: int
    counted: int


class Tally:
    """The counts of one version.

    Args:
        predictor: the version; one whose baseline cannot be read is not counted.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._model, self._version = predictor.metadata.name, predictor.metadata.version
        self._fault = ""
        try:
            self._baseline = read_baseline(predictor.baseline or b"")
            self._tensors: dict[tuple[str, str], list[Feature]] = {}
            for feature in self._baseline.features:
                tensor = feature.side, feature.tensor
                self._tensors.setdefault(tensor, []).append(feature)
        except ValueError as error:
            self._fault = str(error)

    def count(self, inputs: Held, outputs: Held) -> None:
        """Count what the predictions of a group had, and were answered."""
        if self._fault:
            return
        for (side, tensor), features in self._tensors.items():
            held = inputs if side == "inputs" else outputs
            arrays = joined(held.arrays(tensor))
            for feature in features:
                feature.add(arrays)

    def line(self, span: Span, stage: str) -> str:
        """Return the line of what has been counted, and start again."""
        return orjson.dumps(self._document(span, stage)).decode()

    def _document(self, span: Span, stage: str) -> dict[str, Any]:
        document = {
            "level": "WARNING" if self._fault else "INFO",
            "message": MESSAGE,
            "service": METRICS.service,
            "model": self._model,
            "version": str(self._version),
            **({METRICS.stage: stage} if stage else {}),
        }
        if self._fault:
            return {**document, "reason": f"nothing is counted: {self._fault}"}
        return {
            **document,
            "baseline": self._baseline.digest,
            "rows": self._baseline.rows,
            **span._asdict(),
            "features": [it for each in self._baseline.features for it in _taken(each)],
        }


def _taken(feature: Feature) -> list[dict[str, Any]]:
    named = zip(feature.names(), feature.expected, feature.bins.take(), strict=True)
    about = {"side": feature.side, "kind": feature.bins.kind}
    return [
        {"name": name, **about, "expected": expected, "counts": counts}
        for name, expected, counts in named
    ]
