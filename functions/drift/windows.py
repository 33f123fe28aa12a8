"""Log lines with counts, summed to windows: one for each version of each model.

The service writes such a line once a minute and process (`functions/inference/drift/tally.py`).
Lines of another baseline do not mix: a version has one, so they would be of another artifact.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

MESSAGE: Final = "drift"
_LONGEST_LINE: Final = 1 << 20


@dataclass(slots=True)
class Counted:
    """One feature: the counts of the baseline, and those of the window.

    Args:
        name: its name, for people.
        side: `inputs` or `outputs`.
        kind: `numbers`, counted as `[below, b1, ..., bk, above, missing]`, or `values`, counted as
            `[v1, ..., vk, other, missing]`.
        expected: the counts of the baseline.
        counts: those of the window.
    """

    name: str
    side: str
    kind: str
    expected: list[int]
    counts: list[int]

    @property
    def rows(self) -> int:
        """The rows that were counted in the window."""
        return sum(self.counts)


@dataclass(slots=True)
class Window:
    """The sum of a version's lines; times are milliseconds since 1970.

    Args:
        model: the model's name.
        version: the version's number, as text.
        stage: the deployment's stage; empty for none.
        baseline: the digest of its baseline.
        rows: the rows of the baseline.
        since: when the first line begins.
        until: when the last one ends.
        requests: how many there were.
        counted: how many of them were counted.
        lines: how many lines were summed.
        features: what was counted.
    """

    model: str
    version: str
    stage: str
    baseline: str
    rows: int
    since: int
    until: int
    requests: int = 0
    counted: int = 0
    lines: int = 0
    features: list[Counted] = field(default_factory=list)


def sum_lines(lines: Iterable[str], since: int = 0, until: int = 1 << 62) -> list[Window]:
    """Return the windows of these lines, by model and version; other lines are ignored.

    Args:
        lines: of logs; what precedes a line's JSON, such as a time, is skipped.
        since: lines that end before are ignored, in milliseconds since 1970.
        until: lines that begin after are ignored.
    """
    return add_up(it for it in read_each(lines) if since <= it.until and it.since <= until)


def read_each(lines: Iterable[str]) -> Iterator[Window]:
    """Yield the window of each line with counts; other lines are ignored."""
    for document in _documents(lines):
        try:
            yield _read(document)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue


def add_up(windows: Iterable[Window]) -> list[Window]:
    """Return the sums of windows, by model and version; the windows stay as they are."""
    sums: dict[tuple[str, ...], Window] = {}
    for each in windows:
        key = each.model, each.version, each.stage, each.baseline
        if key in sums:
            _add(sums[key], each)
        else:
            sums[key] = replace(each, features=[replace(it) for it in each.features])
    return [sums[key] for key in sorted(sums)]


def _documents(lines: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    for line in lines:
        at = line.find("{")
        if at < 0 or len(line) > _LONGEST_LINE or f'"{MESSAGE}"' not in line:
            continue
        try:
            document = json.loads(line[at:])
        except (ValueError, RecursionError):
            continue
        if isinstance(document, dict) and document.get("message") == MESSAGE:
            yield document


def _read(document: Mapping[str, Any]) -> Window:
    numbers = {key: int(document[key]) for key in ("rows", "since", "until", "requests", "counted")}
    texts = {key: str(document[key]) for key in ("model", "version", "baseline")}
    features = [_feature(each) for each in document["features"]]
    stage = str(document.get("stage", ""))
    return Window(**texts, **numbers, stage=stage, lines=1, features=features)  # type: ignore[arg-type] # numbers and texts are of their types


def _feature(entry: Mapping[str, Any]) -> Counted:
    expected, counts = ([int(each) for each in entry[key]] for key in ("expected", "counts"))
    if len(expected) != len(counts) or entry["kind"] not in ("numbers", "values"):
        raise ValueError(f"feature {entry['name']!r} is damaged")
    return Counted(str(entry["name"]), str(entry["side"]), entry["kind"], expected, counts)


def _add(window: Window, other: Window) -> None:
    names = [(each.name, each.side, len(each.counts)) for each in window.features]
    if names != [(each.name, each.side, len(each.counts)) for each in other.features]:
        return
    window.since, window.until = min(window.since, other.since), max(window.until, other.until)
    window.requests += other.requests
    window.counted += other.counted
    window.lines += 1
    for mine, its in zip(window.features, other.features, strict=True):
        mine.counts = [a + b for a, b in zip(mine.counts, its.counts, strict=True)]
