"""Package a real model of every format, and write the table of docs/formats.md.

`make formats-table`; a format whose libraries are not installed keeps the row that it has.
"""

import json
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.formats import entries
from benchmarks.formats.entry import Entry
from lading.functions.inference.artifact.specification import REPORT
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.measure.change import AccuracyChange
from lading.model_packaging.pipeline import package
from lading.model_packaging.report.figures import Stage, change_of, stages_of
from lading.model_packaging.store.local import LocalStore

GUIDE = Path(__file__).parents[1] / "docs" / "formats.md"
BEGIN, END = "<!-- begin of the table -->", "<!-- end of the table -->"

_KEY = 3
"""Cells that identify a row; the others are figures."""

HEADINGS = (
    *("format", "model", "optimized", "file", "ONNX", "published", "metric"),
    *("original", "published", "drop, 95 %", "one row, ONNX", "published", "test"),
)


def row(entry: Entry) -> list[str]:
    """Package the entry's model, and return its row."""
    with TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(scratch)
        spec = entry.prepare(folder)
        store = LocalStore(folder / "store")
        packaged = package(spec, store, folder / "models.lock.json")
        published = store.open(spec.name, packaged.version, packaged.digest)
        specification = published.artifact.specification
        stages = stages_of(specification, json.loads(published.files[REPORT]))
        return _cells(entry, spec, stages, change_of(specification))


def _cells(
    entry: Entry, spec: ModelSpec, stages: list[Stage], change: AccuracyChange | None
) -> list[str]:
    assert change is not None, entry
    first, last = stages[0], stages[-1]
    return [
        entry.format,
        entry.model,
        last.facts.removeprefix("scheme ").partition(",")[0] if last.name == "quantize" else "no",
        _kilobytes(_size(spec.source)),
        _kilobytes(first.size),
        f"{_kilobytes(last.size)} ({last.size / first.size:.2f}x)",
        change.metric,
        f"{change.before:.4f} ({change.intervals.before})",
        f"{change.after:.4f} ({change.intervals.after})",
        f"{change.drop:.4f} ({change.intervals.drop})",
        f"{first.p50_ms:.3g} ms",
        f"{last.p50_ms:.3g} ms",
        f"[{Path(entry.test).stem}](../{entry.test})",
    ]


def _size(source: Path) -> int:
    files = source.rglob("*") if source.is_dir() else [source]
    return sum(path.stat().st_size for path in files if path.is_file())


def _kilobytes(size: int) -> str:
    return f"{size / 1000:,.1f} kB"


def _known(text: str) -> dict[tuple[str, ...], str]:
    """Return the rows of the present table, by their first cells."""
    lines = text.partition(BEGIN)[2].partition(END)[0].splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| format")]
    return {tuple(cell.strip() for cell in line.split("|")[1 : _KEY + 1]): line for line in rows}


def write(cells: list[str]) -> None:
    """Write one row into the guide's table, in place of the row with the same first cells."""
    text = GUIDE.read_text(encoding="utf-8")
    rows = {**_known(text), tuple(cells[:_KEY]): f"| {' | '.join(cells)} |"}
    before, _, rest = text.partition(BEGIN)
    table = [
        f"| {' | '.join(HEADINGS)} |",
        f"|{'---|' * len(HEADINGS)}",
        *(rows[key] for key in sorted(rows)),
    ]
    content = f"{before}{BEGIN}\n" + "\n".join(table) + f"\n{END}{rest.partition(END)[2]}"
    GUIDE.write_text(content, encoding="utf-8")


def main() -> None:
    """Package every model, or those whose format contains one of the words, and write each row."""
    wanted = sys.argv[1:] or [""]
    for entry in entries():
        missing = [module for module in entry.needs if find_spec(module) is None]
        if not any(word.lower() in entry.format.lower() for word in wanted):
            continue
        if missing:
            print(f"{entry.format}: kept, {', '.join(missing)} not installed", file=sys.stderr)
            continue
        print(f"{entry.format}: {entry.model}", file=sys.stderr, flush=True)
        write(row(entry))


if __name__ == "__main__":
    main()
