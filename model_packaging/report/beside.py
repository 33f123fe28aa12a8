"""The section about the version before: accuracy, latency and size side by side."""

from collections.abc import Iterable, Iterator, Sequence

from lading.model_packaging.measure.change import AccuracyChange
from lading.model_packaging.report.elements import table
from lading.model_packaging.report.figures import ReportedVersion, Stage, change_of, stages_of
from lading.model_packaging.sizes import in_words

_Row = Sequence[str]


def beside(version: ReportedVersion, earlier: ReportedVersion | None) -> Iterable[str]:
    """Yield the section; nothing for a model's first version.

    Raises:
        ValueError: the documents are not what packaging writes.
    """
    if earlier is None:
        return
    before, after = (
        (stages_of(each.specification, each.report)[-1], change_of(each.specification))
        for each in (earlier, version)
    )
    yield f"<h2>Beside version {earlier.version}</h2>"
    headings = ("", f"version {earlier.version}", f"version {version.version}", "change")
    yield table(headings, [*_rows(before, after)], numbers=range(1, 4))
    yield from _notes(earlier, version)


_Measured = tuple[Stage, AccuracyChange | None]


def _rows(before: _Measured, after: _Measured) -> Iterator[_Row]:
    (old, was), (new, now) = before, after
    if was and now and was.metric == now.metric:
        figures = (_shown(was), _shown(now))
        yield f"{now.metric} (95 %)", *figures, f"{now.after - was.after:+.4f}"
    else:
        for change, places in ((was, (0,)), (now, (1,))):
            if change:
                cells = [_shown(change) if place in places else "" for place in range(2)]
                yield f"{change.metric} (95 %)", *cells, ""
    for name, first, second in (
        ("time for one row, median", old.p50_ms, new.p50_ms),
        ("time for one row, 95th percentile", old.p95_ms, new.p95_ms),
    ):
        if first is not None or second is not None:
            yield name, _time(first), _time(second), _ratio(first, second)
    yield "size", in_words(old.size), in_words(new.size), _ratio(old.size, new.size)


def _notes(earlier: ReportedVersion, version: ReportedVersion) -> Iterator[str]:
    """Yield what makes the figures hard to compare."""
    data, old_data = (
        (each.specification.get("accuracy") or {}).get("data") for each in (version, earlier)
    )
    if data and old_data and data != old_data:
        yield '<p class="soft">They were measured on different held-out rows.</p>'
    machine, old = (each.report.get("machine") for each in (version, earlier))
    if machine and old and machine != old:
        yield '<p class="soft">They were timed on different machines, or with other libraries.</p>'


def _shown(change: AccuracyChange) -> str:
    return f"{change.after:.4f} ({change.intervals.after})"


def _time(milliseconds: float | None) -> str:
    return "" if milliseconds is None else f"{milliseconds:.3g} ms"


def _ratio(before: float | None, after: float | None) -> str:
    return f"{after / before:.2f}x" if before and after is not None else ""
