from typing import Any

import pytest

from lading.model_packaging.report.beside import beside
from lading.model_packaging.report.figures import ReportedVersion

Documents = tuple[dict[str, Any], dict[str, Any]]
INTERVAL = {"low": 0.8, "high": 0.9}


def accuracy(value: float, metric: str = "accuracy", data: str = "sha256:1") -> dict[str, Any]:
    return {
        "metric": metric,
        "before": value,
        "after": value,
        "drop": 0.0,
        "max_drop": 0.02,
        "rows": 40,
        "data": data,
        "intervals": dict.fromkeys(("before", "after", "drop"), INTERVAL),
    }


def documents(size: int, p50: float | None, gate: dict[str, Any] | None) -> Documents:
    timed = {} if p50 is None else {"latency": {"p50_ms": p50, "p95_ms": 2 * p50}}
    stages = [{"step": "convert", "bytes": 9999}, {"step": "quantize", "bytes": size, **timed}]
    return {"steps": stages, "accuracy": gate}, {"stages": stages, "machine": {"cpus": 2}}


def shown(after: Documents, before: Documents) -> str:
    return "".join(beside(ReportedVersion(5, *after), ReportedVersion(3, *before)))


def row(page: str, name: str) -> list[str]:
    _, _, rest = page.partition(f"<td>{name}</td>")
    cells = rest.partition("</tr>")[0].split('<td class="number">')[1:]
    return [cell.removesuffix("</td>") for cell in cells]


def test_accuracy_latency_and_size_stand_side_by_side() -> None:
    page = shown(documents(500, 0.2, accuracy(0.86)), documents(1000, 0.1, accuracy(0.88)))
    assert "Beside version 3" in page
    between = "(0.8000 to 0.9000)"
    expected = [f"0.8800 {between}", f"0.8600 {between}", "-0.0200"]
    assert row(page, "accuracy (95 %)") == expected
    assert row(page, "time for one row, median") == ["0.1 ms", "0.2 ms", "2.00x"]
    assert row(page, "size") == ["1 kB", "500 bytes", "0.50x"]
    assert "different" not in page


def test_other_metrics_are_not_compared() -> None:
    page = shown(documents(1, 1, accuracy(0.8, "f1")), documents(1, 1, accuracy(0.9)))
    assert row(page, "accuracy (95 %)")[1:] == ["", ""]
    assert row(page, "f1 (95 %)")[0] == ""
    assert row(page, "f1 (95 %)")[2] == ""


def test_what_makes_figures_hard_to_compare_is_said() -> None:
    before = documents(1, 1, accuracy(0.9, data="sha256:2"))
    before[1]["machine"] = {"cpus": 64}
    page = shown(documents(1, 1, accuracy(0.9)), before)
    assert "different held-out rows" in page
    assert "different machines" in page


def test_lost_figures_leave_their_cell_empty() -> None:
    page = shown(documents(1, None, None), documents(1, 0.1, None))
    assert row(page, "time for one row, median") == ["0.1 ms", "", ""]


def test_the_first_version_has_nothing_beside_it() -> None:
    assert [*beside(ReportedVersion(1, *documents(1, 1, None)), None)] == []


@pytest.mark.parametrize("damaged", [{"steps": 3}, {"steps": [{}]}])
def test_damaged_documents_are_one_clear_error(damaged: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="damaged"):
        [*beside(ReportedVersion(5, *documents(1, 1, None)), ReportedVersion(3, damaged, {}))]
