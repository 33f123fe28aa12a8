"""The output of a script."""

import pytest

from lading.training.output import LAST, Output


def test_the_last_number_of_a_metric_counts() -> None:
    output = Output({"auc": "auc=([0-9.]+)"})
    output.feed(b"auc=0.5 then auc=0.6\nauc=0.7\n")
    assert output.metrics == {"auc": 0.7}


@pytest.mark.parametrize("text", ["auc=...", "auc=nan", "auc=inf"])
def test_what_is_not_a_finite_number_does_not_count(text: str) -> None:
    output = Output({"auc": r"auc=(\S+)"})
    output.feed(f"auc=0.5\n{text}\n".encode())
    assert output.metrics == {"auc": 0.5}


def test_lines_come_whole_however_the_output_is_cut() -> None:
    lines: list[str] = []
    output = Output({}, lines.append)
    for byte in "é=1\r\n\nprogress 1\rprogress 2\nend".encode():
        output.feed(bytes([byte]))
    output.feed(b"", final=True)
    assert lines == ["é=1", "progress 1", "progress 2", "end"]


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    lines: list[str] = []
    output = Output({}, lines.append)
    for _ in range(100):
        output.feed(b"x" * 1000)
    assert len(lines) >= 9


def test_the_last_lines_are_kept() -> None:
    output = Output({})
    output.feed("\n".join(map(str, range(100))).encode(), final=True)
    assert list(output.last) == [str(number) for number in range(100 - LAST, 100)]
