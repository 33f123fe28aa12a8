"""Renders the page: the stages of a model, what they gained, and what they lost."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

from lading.model_packaging.energy.estimate import Estimator
from lading.model_packaging.energy.published import read_published
from lading.model_packaging.measure.change import AccuracyChange, ConfidenceInterval
from lading.model_packaging.report.beside import beside
from lading.model_packaging.report.calls import calls
from lading.model_packaging.report.candidates import candidates
from lading.model_packaging.report.classes import classes
from lading.model_packaging.report.distilled import figures_of
from lading.model_packaging.report.elements import document, table
from lading.model_packaging.report.energy import energy
from lading.model_packaging.report.explanations import explanations
from lading.model_packaging.report.figures import (
    Batches,
    ReportedVersion,
    Stage,
    batches_of,
    change_of,
    runs_code,
    stages_of,
    unconverted,
    wider_tolerance,
)
from lading.model_packaging.report.interface import interface
from lading.model_packaging.report.placed import placed
from lading.model_packaging.report.plots import Bar, bars, gate, ranges
from lading.model_packaging.report.training import training
from lading.model_packaging.sizes import in_words


def render_page(
    reported: ReportedVersion,
    earlier: ReportedVersion | None = None,
    estimator: Estimator | None = None,
) -> str:
    """Return the page about one version.

    Args:
        reported: the version.
        earlier: the version before, to stand beside it.
        estimator: of energy; by default with Lading's own figures and no region.

    Raises:
        ValueError: the documents are not what packaging writes.
    """
    specification, report = reported.specification, reported.report
    stages, change = stages_of(specification, report), change_of(specification)
    name = f"{specification['name']} version {reported.version}"
    parts = [
        f"<h1>{escape(name)}</h1>",
        _origin(specification, report),
        _tiles(stages, change),
        *_gate(change),
        *(f"<p>{escape(each)}</p>" for each in wider_tolerance(specification)),
        *beside(reported, earlier),
        *classes(report),
        "<h2>Stage by stage</h2>",
        table(_HEADINGS, map(_row, stages), numbers=range(2, 7)),
        *_plots(stages, change),
        *candidates(report),
        *_distilled(report),
        *explanations(report, change.metric if change else ""),
        *placed(report),
        *energy(stages, estimator or Estimator(read_published(), "")),
        *_batches(batches_of(specification)),
        *calls(specification, reported.golden),
        *interface(specification),
        *training(specification),
        *_provenance(specification, report, reported.digest),
    ]
    return document(name, parts)


_HEADINGS = ("stage", "what", "bytes", "p50", "p95", "metric (95 %)", "drop (95 %)")


def _origin(specification: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    source, date = specification["source"], str(report.get("date", ""))[:10]
    words = [str(source["file"]), str(source["framework"]), *[date] * bool(date)]
    words += ["not converted"] if "native" in specification else []
    words += ["runs your code"] if runs_code(specification) else []
    return f'<p class="soft">{escape(", ".join(words))}</p>'


def _tiles(stages: Sequence[Stage], change: AccuracyChange | None) -> str:
    first, last = stages[0], stages[-1]
    tiles = [(f"{last.size / first.size:.2f}x", f"of the original size: {in_words(last.size)}")]
    if first.p50_ms and last.p50_ms:
        ratio = f"{last.p50_ms / first.p50_ms:.2f}x"
        tiles.append((ratio, f"of the original time for one row: {last.p50_ms:.3g} ms"))
    if change:
        tiles.append((f"{change.after:.4f}", f"{change.metric} on {change.rows:,} rows"))
        tiles.append((f"{change.drop:.4f}", f"drop, {change.max_drop:g} allowed"))
    drawn = (
        f'<div class="tile"><b>{escape(b)}</b><span>{escape(s)}</span></div>' for b, s in tiles
    )
    return f'<div class="tiles">{"".join(drawn)}</div>'


def _gate(change: AccuracyChange | None) -> Iterable[str]:
    yield "<h2>Accuracy gate</h2>"
    if change is None:
        yield "<p>The manifest names no held-out rows, so nothing was measured.</p>"
        return
    drop = change.intervals.drop
    moved = f"{change.metric} went from {change.before:.4f} to {change.after:.4f}."
    between = f"between {drop.low:.4f} and {drop.high:.4f}"
    passed = f"Passed: the upper bound, {drop.high:.4f}, is within the allowed {change.max_drop:g}."
    unjudged = "Not judged: no stage could lose accuracy."
    outcome = passed if change.judged else unjudged
    yield f"<p>{escape(f'{moved} With 95 % confidence, the drop is {between}. {outcome}')}</p>"
    yield from _missing(change)
    yield gate(change)


def _distilled(report: Mapping[str, Any]) -> Iterable[str]:
    """Yield nothing for a model that has no teacher."""
    figures = figures_of(report)
    if not figures:
        return
    yield "<h2>Teacher and student</h2>"
    rows = [
        [each["name"], f"{each['bytes']:,}", f"{each['p50_ms']:.3g} ms", f"{each['accuracy']:.4f}"]
        for each in figures
    ]
    yield table(("", "bytes", "p50", "metric"), rows, numbers=range(1, 4))


def _missing(change: AccuracyChange) -> Iterable[str]:
    missing = change.missing
    if missing:
        values = (missing.before, missing.after)
        before, after = ("undefined" if each is None else f"{each:.4f}" for each in values)
        rows = f"{missing.rows:,} rows with missing values"
        yield f"<p>{escape(f'On the {rows}, {change.metric} went from {before} to {after}.')}</p>"


def _batches(batches: Batches | None) -> Iterable[str]:
    if batches is None:
        return
    yield "<h2>Rows in one request</h2>"
    sizes = ", ".join(map(str, batches.sizes))
    yield (
        f"<p>{batches.rows:,} rows in requests of {escape(sizes)} rows, compared with the answers "
        "to each row alone:</p>"
    )
    rows = [
        [among, f"{difference:.3g}", f"{relative:.3g}", f"{flips:,}"]
        for among, (difference, relative, flips) in (
            ("with usual rows", batches.usual),
            ("with one unusual row", batches.unusual),
        )
    ]
    headings = ("", "largest difference", "relative to the answer", "changed labels")
    yield table(headings, rows, numbers=range(1, 4))


def _plots(stages: Sequence[Stage], change: AccuracyChange | None) -> Iterable[str]:
    """Draw the stages that changed the model."""
    others = (after for before, after in pairwise(stages) if _differ(before, after))
    stages = [stages[0], *others]
    yield bars("Size", [Bar(each.name, each.size, in_words(each.size)) for each in stages])
    timed = [
        Bar(each.name, each.p50_ms, f"{each.p50_ms:.3g} ms", each.p95_ms)
        for each in stages
        if each.p50_ms is not None
    ]
    if timed:
        yield bars("Time for one row: the bar is the median, the line the 95th percentile", timed)
    measured = [
        (each.name, each.change.after, each.change.intervals.after)
        for each in stages
        if each.change
    ]
    if measured and change:
        title = f"{change.metric}, with 95 % confidence interval"
        yield ranges(title, [("original", change.before, change.intervals.before), *measured])


def _differ(before: Stage, after: Stage) -> bool:
    """Return whether a stage changed the model; one that it left alone was not timed again."""
    figures = [(each.size, each.p50_ms, each.p95_ms, each.change) for each in (before, after)]
    return figures[0] != figures[1]


def _row(stage: Stage) -> list[str]:
    times = [f"{ms:.3g} ms" if ms is not None else "" for ms in (stage.p50_ms, stage.p95_ms)]
    size = f"{stage.size:,}"
    change, metric, drop = stage.change, "", ""
    if change:
        metric = _with_interval(change.after, change.intervals.after)
        drop = _with_interval(change.drop, change.intervals.drop)
    return [stage.name, stage.facts, size, *times, metric, drop]


def _provenance(
    specification: Mapping[str, Any], report: Mapping[str, Any], digest: str
) -> Iterable[str]:
    yield "<h2>Provenance</h2>"
    source = specification["source"]
    accuracy = specification.get("accuracy") or {}
    machine = report.get("machine") or {}
    rows = [
        ["artifact", digest],
        ["identity", str(specification["identity"])],
        ["source", str(source["digest"])],
        ["not converted", unconverted(specification)],
        ["held-out rows", str(accuracy.get("data") or "")],
        *[[str(tool), str(number)] for tool, number in sorted(specification["tools"].items())],
        ["measured on", ", ".join(f"{key} {value}" for key, value in machine.items())],
    ]
    yield table(("", ""), [row for row in rows if row[1]], code=True)


def _with_interval(value: float, interval: ConfidenceInterval) -> str:
    return f"{value:.4f} ({interval})"
