"""Bars of the rates that rows have."""

import re
from pathlib import Path

from benchmarks.suite.plots import write_plot
from benchmarks.suite.rows import Row, at_least


def test_each_server_has_one_bar_at_each_number_of_callers(tmp_path: Path) -> None:
    beside = "batched 12,345/s (1 and 2 ms); tuned, our session 7/s (3 ms; CPU 4 us)"
    rows = [
        Row("small, onnxruntime alone", "", "99,999/s"),
        at_least("small, 1, ours", "1,234/s (1 ms; CPU 2 us)", 2, 1, beside),
        at_least("small, 16, ours", "2,000/s (1 ms)", 2, 1, "batched 3/s; where it goes: run 9%"),
        at_least("small, 16, batched", "3/s (1 ms)", 2, 1, "ours 2,000/s (1 ms)"),
    ]
    write_plot(tmp_path / "plot.svg", rows, "Rates")
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", (tmp_path / "plot.svg").read_text())
    assert dict(zip(texts[::2], texts[1::2], strict=True)) == {
        "1: ours": "1,234/s",
        "1: batched": "12,345/s",
        "1: tuned, our session": "7/s",
        "16: ours": "2,000/s",
        "16: batched": "3/s",
    }


def test_rows_without_two_rates_give_no_plot(tmp_path: Path) -> None:
    write_plot(tmp_path / "plot.svg", [Row("a", "", "1 MiB")], "Rates")
    write_plot(tmp_path / "plot.svg", [at_least("small, 1, ours", "1,234/s", 2, 1, "")], "Rates")
    assert not (tmp_path / "plot.svg").exists()
