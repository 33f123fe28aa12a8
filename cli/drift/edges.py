"""The bins of a version's baseline, for people: what each count of a log line means."""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from lading.functions.inference.artifact.specification import BASELINE, Artifact
from lading.functions.inference.drift.baseline import read_baseline

MISSING = "missing"

Key = tuple[str, str]
"""A feature: its side and its name."""


class Bins:
    """The bins of each feature; empty for a version whose baseline is not the log's.

    Args:
        artifact: the version.
        digest: the baseline of the log lines.
    """

    def __init__(self, artifact: Artifact, digest: str) -> None:
        content = artifact.files.get(BASELINE, b"")
        self._edges: dict[Key, Sequence[float]] = {}
        self._values: dict[Key, Sequence[Any]] = {}
        baseline = read_baseline(content) if content else None
        self.known = baseline is not None and baseline.digest == digest
        if baseline is None or not self.known:
            return
        entries: Sequence[Mapping[str, Any]] = json.loads(content)["features"]
        for feature, entry in zip(baseline.features, entries, strict=True):
            for column, name in enumerate(feature.names()):
                key = feature.side, name
                if "values" in entry:
                    self._values[key] = entry["values"]
                else:
                    self._edges[key] = entry["edges"][column]

    def edges(self, key: Key) -> Sequence[float]:
        """Return the edges of a feature of numbers; none if they are not known."""
        return self._edges.get(key, ())

    def values(self, key: Key) -> Sequence[Any]:
        """Return the values of a feature of categories; none if they are not known."""
        return self._values.get(key, ())

    def labels(self, key: Key, slots: int) -> list[str]:
        """Return the meaning of each count of a feature.

        Args:
            key: the feature.
            slots: how many counts it has.
        """
        if edges := self.edges(key):
            inner = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)]
            return [f"below {edges[0]:.4g}", *inner, f"above {edges[-1]:.4g}", MISSING]
        if values := self.values(key):
            return [*map(str, values), "other", MISSING]
        return [*(f"bin {number}" for number in range(1, slots)), MISSING]
