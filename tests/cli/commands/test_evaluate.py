import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Lading, package_in
from tests.support.worlds import times

MANIFEST = """\
models:
  m:
    source: m.onnx
    accuracy: {data: rows.jsonl, metric: mae, max_drop: 0.5}
    evaluate: {metrics: [mae, rmse], slices: [country], promote: better}
    labels: []
"""


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with both versions; not to be written to."""
    folder = tmp_path_factory.mktemp("versions")
    (folder / "models.yaml").write_text(MANIFEST)
    table = "".join(
        f'{{"x": [{n % 9}, {n % 5}], "y": [{2 * (n % 9)}, {2 * (n % 5)}], '
        f'"country": "{"at" if n % 2 else "de"}"}}\n'
        for n in range(60)
    )
    (folder / "rows.jsonl").write_text(table)
    for factor in (3, 2):
        (folder / "m.onnx").write_bytes(times(factor))
        package_in(folder)
    return folder


@pytest.fixture
def versions(workspace: Path, two_versions: Path) -> Path:
    """Version 1 multiplies by 3; version 2 by 2, which is right."""
    shutil.copytree(two_versions, workspace, dirs_exist_ok=True)
    return workspace


def test_compares_the_newest_version_and_writes_a_page(versions: Path, lading: Lading) -> None:
    result = lading("evaluate", "m", "--against", "1")
    assert result.code == 0, result.err
    assert "mae" in result.out
    assert "country at" in result.out
    assert "proposed label: stable" in result.out
    assert result.out.splitlines()[-1] == "m-2-against-1.html"
    assert "version 2 against 1" in (versions / "m-2-against-1.html").read_text()
    assert "lading label m stable 2" in result.err


def test_json_is_the_whole_comparison(versions: Path, lading: Lading) -> None:
    document = lading("evaluate", "m", "--version", "1", "--against", "2", "--json").document
    assert (document["champion"], document["challenger"]) == (2, 1)
    assert document["decision"]["label"] == "candidate"
    assert [each["metric"] for each in document["compared"]] == ["mae", "rmse"]
    assert document["compared"][0]["intervals"]["drop"]["low"] > 0
    assert document["page"] == "m-1-against-2.html"


def test_other_rows_are_read(versions: Path, lading: Lading) -> None:
    lines = (versions / "rows.jsonl").read_text().splitlines(keepends=True)
    (versions / "few.jsonl").write_text("".join(lines[:40]))
    document = lading("evaluate", "m", "--against", "1", "--data", "few.jsonl", "--json").document
    assert document["compared"][0]["rows"] == 40


def test_an_unknown_version_is_an_error(versions: Path, lading: Lading) -> None:
    result = lading("evaluate", "m", "--against", "stable")
    assert result.code == 4
    assert "labeled 'stable'" in result.err


def test_a_missing_file_of_rows_is_an_error(versions: Path, lading: Lading) -> None:
    result = lading("evaluate", "m", "--against", "1", "--data", "gone.jsonl")
    assert result.code == 5
    assert "gone.jsonl cannot be read" in result.err
