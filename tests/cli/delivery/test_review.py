import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Lading
from tests.support.worlds import times


@pytest.fixture
def base(packaged: Lading, workspace: Path) -> Path:
    """The checkout of the branch that gets the change."""
    folder = workspace / "base"
    shutil.copytree(workspace, folder, ignore=shutil.ignore_patterns("base"))
    return folder


def test_a_model_that_changed_is_compared_and_its_costs_are_told(
    packaged: Lading, workspace: Path, base: Path
) -> None:
    (workspace / "double.onnx").write_bytes(times(3))
    report = workspace / "artifacts/models/double/2/report.json"
    assert packaged("package").code == 0
    figures = json.loads(report.read_text())
    figures["footprint"]["one_processor_ms"] = 400.0
    report.write_text(json.dumps(figures))
    text = packaged("review", "--against", "base").out
    assert "### double" in text
    assert "|  |  | version 1 | version 2 | change |" in text
    assert "| latency |" in text
    costs = text[text.index("## Costs of a month") :]
    assert "| model double | $" in costs
    assert "| +$" in costs


def test_a_change_of_nothing_says_so(packaged: Lading, base: Path) -> None:
    text = packaged("review", "--against", "base", "--stage", "prod").out
    assert "Unchanged: version 1." in text
    assert "Nothing costs more or less." in text
    assert "| sum | $" in text


def test_a_new_model_is_called_new(packaged: Lading, workspace: Path, base: Path) -> None:
    (base / "models.lock.json").unlink()
    assert "New: version 1." in packaged("review", "--against", "base").out


def test_a_model_that_the_gate_refused_is_told_in_text_that_cannot_be_markup(
    packaged: Lading, workspace: Path, base: Path
) -> None:
    error = {"kind": "AccuracyDropped", "message": "it lost\n<img src=x> | [2 points](x)"}
    (workspace / "package.json").write_text(json.dumps([{"model": "double", "error": error}]))
    words = ("review", "--against", "base", "--packaged", "package.json", "--output", "review.md")
    assert packaged(*words).code == 0
    text = (workspace / "review.md").read_text()
    document = packaged(*words[:-2], "--json").document
    assert document["markdown"] == text
    assert document["failed"].keys() == {"double"}
    assert "**Not packaged**: it lost \\<img src=x\\> \\| \\[2 points\\](x)" in text


@pytest.mark.parametrize("content", ["", "{}", '[{"error": 1, "model": "double"}]'])
def test_another_file_than_that_of_package_is_refused(
    packaged: Lading, workspace: Path, base: Path, content: str
) -> None:
    (workspace / "package.json").write_text(content)
    result = packaged("review", "--against", "base", "--packaged", "package.json")
    assert result.code == 2
    assert "package.json: is not what `lading package --json` writes" in result.err


def test_a_folder_without_a_project_is_refused(packaged: Lading, workspace: Path) -> None:
    (workspace / "empty").mkdir()
    result = packaged("review", "--against", "empty")
    assert result.code == 2
    assert "empty: has no models.yaml" in result.err


def test_plan_shows_the_same_costs_as_a_table_and_as_json(
    packaged: Lading, workspace: Path, base: Path
) -> None:
    (workspace / "stages.yaml").write_text("stages: {prod: {waf: false}}")
    words = ("plan", "--stage", "prod", "--against", "base", "--requests-per-month", "2000000")
    (base / "stages.yaml").write_text("stages: {prod: {waf: true}}")
    lines = packaged(*words).out.splitlines()
    firewall = next(line for line in lines if line.startswith("part firewall "))
    assert firewall.split()[2:] == ["$9.00", "-$9.00"]
    assert next(line for line in lines if line.startswith("model double")).endswith("same")
    document = packaged(*words, "--json").document
    (summed,) = [each for each in document["changes"] if each["name"] == "sum"]
    assert document["requests"] == 2_000_000
    assert summed["difference"] == pytest.approx(-9 - 2 * 0.6)
