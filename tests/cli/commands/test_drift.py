"""`lading drift` finds the feature that drifts, and leaves a stream alone that does not."""

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.drift.gathering import Gathering
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.models.prediction import Prediction
from tests.cli.conftest import Lading, package_in
from tests.support.worlds import times

MANIFEST = """\
models:
  m:
    source: m.onnx
    accuracy: {data: rows.jsonl, metric: mae, max_drop: 0.5}
"""


def stream(rows: int, seed: int, shift: float = 0.0) -> Any:
    """Rows of two numbers, the second one shifted."""
    array = np.random.default_rng(seed).normal(size=(rows, 2))
    array[:, 1] += shift
    return array.astype(np.float32)


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a version that has a baseline, and three logs; not to be written to."""
    folder = tmp_path_factory.mktemp("packaged")
    (folder / "models.yaml").write_text(MANIFEST)
    rows = stream(500, seed=1).tolist()
    table = "".join(f'{{"x": {row}, "y": {[2 * it for it in row]}}}\n' for row in rows)
    (folder / "rows.jsonl").write_text(table)
    (folder / "m.onnx").write_bytes(times(2))
    package_in(folder)
    for name, rows_of_log in (
        ("calm.log", stream(2000, seed=2)),
        ("drifts.log", stream(2000, seed=3, shift=0.7)),
        ("short.log", stream(20, seed=4)),
    ):
        (folder / name).write_text(log_of(folder, rows_of_log))
    return folder


def log_of(folder: Path, rows: Any) -> str:
    """The log of a service that answered these rows in requests of 20."""
    served = ServingSettings((ServedModel("m", {1: ""}),), str(folder / "artifacts"))
    model, gathering = load_catalog(served).model("m").predictor(1), Gathering()
    lines = ['{"message": "request"}']
    for start in range(0, len(rows), 20):
        inputs = {"x": rows[start : start + 20]}
        gathering.note((Prediction(model, inputs), model.predict(inputs)))
        if start == len(rows) // 2:
            lines += gathering.lines()
    return "\n".join([*lines, *gathering.lines()]) + "\n"


@pytest.fixture
def served(workspace: Path, packaged: Path) -> Path:
    shutil.copytree(packaged, workspace, dirs_exist_ok=True)
    return workspace


def test_a_stream_that_drifts_in_one_feature_is_found_and_named(
    served: Path, lading: Lading
) -> None:
    result = lading("drift", "m", "--log", "drifts.log")
    assert result.code == 0, result.err
    assert "drift in " in result.out
    document = lading("drift", "m", "--log", "drifts.log", "--json").document
    assert {"x[1]", "y[1]"} <= set(document["drifts"]) <= {"x[1]", "y[1]", "largest of y"}
    assert (document["requests"], document["counted"], document["lines"]) == (100, 100, 2)
    assert document["baseline_rows"] == 500


def test_a_stream_that_does_not_drift_is_left_alone(served: Path, lading: Lading) -> None:
    result = lading("drift", "m", "--log", "calm.log", "--fail")
    assert result.code == 0, result.err
    assert "no drift: 100 of 100 requests counted, baseline of 500 rows" in result.out


def test_drift_can_fail_a_build(served: Path, lading: Lading) -> None:
    assert lading("drift", "m", "--log", "drifts.log", "--fail").code == 1


def test_several_logs_are_one_window(served: Path, lading: Lading) -> None:
    logs = ("--log", "calm.log", "--log", "drifts.log")
    assert lading("drift", "m", *logs, "--json").document["requests"] == 200


def test_too_few_rows_are_not_judged(served: Path, lading: Lading) -> None:
    result = lading("drift", "m", "--log", "short.log", "--output", "page.html")
    assert "not judged: fewer than 100 rows" in result.out
    assert "not judged" in (served / "page.html").read_text()


class Texts(HTMLParser):
    """The texts and the plots of a page, and whether it loads anything."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts, self.plots, self.loads = list[str](), 0, False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.plots += tag == "svg"
        self.loads |= tag in {"script", "link", "img"} or any(name == "src" for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_draws_each_feature_and_loads_nothing(served: Path, lading: Lading) -> None:
    lading("drift", "m", "--log", "drifts.log", "--output", "out/page.html")
    page = Texts((served / "out/page.html").read_text())
    assert (page.plots, page.loads) == (5, False)
    assert "m, version 1: drift" in page.texts
    drawn = [text for text in page.texts if text.endswith(", drifts")]
    assert any(text.startswith("x[1] (inputs): PSI ") for text in drawn)
    assert any(text.startswith("below -") for text in page.texts)


def test_the_files_of_model_monitor_have_its_form(served: Path, lading: Lading) -> None:
    lading("drift", "m", "--log", "drifts.log", "--monitor", "monitor")
    statistics, constraints, violations = (
        json.loads((served / "monitor" / f"{name}.json").read_text())
        for name in ("statistics", "constraints", "constraint_violations")
    )
    assert statistics["dataset"] == {"item_count": 2000}
    shifted = {each["name"]: each for each in statistics["features"]}["x[1]"]
    numbers = shifted["numerical_statistics"]
    assert numbers["common"] == {"num_present": 2000, "num_missing": 0}
    assert numbers["mean"] == pytest.approx(0.7, abs=0.15)
    buckets = numbers["distribution"]["kll"]["buckets"]
    assert sum(each["count"] for each in buckets) == 2000
    assert all(each["lower_bound"] < each["upper_bound"] for each in buckets)
    stated = {each["name"]: each for each in constraints["features"]}["x[1]"]
    assert (stated["inferred_type"], stated["completeness"]) == ("Fractional", 1.0)
    assert stated["num_constraints"] == {"is_non_negative": False}
    found = {
        (each["feature_name"], each["constraint_check_type"]) for each in violations["violations"]
    }
    assert ("x[1]", "baseline_drift_check") in found
    assert ("x[0]", "baseline_drift_check") not in found


def test_a_log_without_counts_and_one_that_is_missing_say_what_to_do(
    served: Path, lading: Lading
) -> None:
    (served / "empty.log").write_text('{"message": "request"}\n')
    result = lading("drift", "m", "--log", "empty.log")
    assert (result.code, "accuracy.data" in result.err) == (2, True), result.err
    result = lading("drift", "m", "--log", "missing.log")
    assert result.code != 0
    assert "missing.log" in result.err
