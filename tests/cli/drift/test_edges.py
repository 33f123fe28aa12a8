import json

from lading.cli.drift.edges import Bins
from lading.functions.inference.artifact.specification import BASELINE, Artifact
from lading.functions.inference.drift.baseline import read_baseline

VALUES = {"view": "values", "values": ["a", "b"], "expected": [[9, 9, 0, 0]]}
NUMBERS = {"view": "columns", "edges": [[0.0, 1.0, 2.5]], "expected": [[0, 9, 9, 0, 0]]}
CONTENT = json.dumps(
    {
        "version": 1,
        "rows": 18,
        "features": [
            {"tensor": "x", "side": "inputs", **NUMBERS},
            {"tensor": "x", "side": "outputs", **VALUES},
        ],
    }
).encode()


def bins(content: bytes | None, digest: str | None = None) -> Bins:
    files = {} if content is None else {BASELINE: content}
    artifact = Artifact("m", "", "", (), (), b"", None, {}, files=files)
    return Bins(artifact, digest or read_baseline(CONTENT).digest)


def test_counts_are_labeled_with_the_bins_of_their_side() -> None:
    found = bins(CONTENT)
    numbers = ["below 0", "0 to 1", "1 to 2.5", "above 2.5", "missing"]
    assert found.labels(("inputs", "x"), 5) == numbers
    assert found.labels(("outputs", "x"), 4) == ["a", "b", "other", "missing"]


def test_bins_of_another_baseline_are_not_used() -> None:
    for found in (bins(None), bins(CONTENT, "another")):
        assert not found.known
        assert found.labels(("inputs", "x"), 3) == ["bin 1", "bin 2", "missing"]
