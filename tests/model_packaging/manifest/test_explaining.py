"""The key `explain` of models.yaml: a flag, or options."""

from pathlib import Path
from typing import Any

import pytest

from lading.model_packaging.errors import ManifestError
from lading.model_packaging.manifest.explaining import ExplainSpec
from lading.model_packaging.manifest.models import ModelSpec, load_manifest


def read(folder: Path, explain: str, more: str = "") -> ModelSpec:
    path = folder / "models.yaml"
    path.write_text(f"models:\n  m:\n    source: m.onnx\n    explain: {explain}\n{more}")
    return load_manifest(path).models["m"]


def test_a_flag_wants_the_defaults_or_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "true").explain == ExplainSpec()
    assert read(tmp_path, "false").explain is None
    assert read(tmp_path, "{grid: 7}").explain == ExplainSpec(grid=7)


def test_only_what_is_wanted_changes_the_identity(tmp_path: Path) -> None:
    assert "explain" not in read(tmp_path, "false").conversion()
    assert read(tmp_path, "true").conversion()["explain"] == {}
    assert read(tmp_path, "{budget: 1000}").conversion()["explain"] == {"budget": 1000}


def test_features_are_names_of_all_columns_or_groups_of_columns(tmp_path: Path) -> None:
    listed = read(tmp_path, "{features: [age, size]}").explain
    grouped = read(tmp_path, "{features: {age: 0, color: [2, 3]}}").explain
    assert listed is not None
    assert grouped is not None
    assert listed.features == {"age": (0,), "size": (1,)}
    assert grouped.features == {"age": (0,), "color": (2, 3)}


def test_its_rows_are_files_below_the_manifest(tmp_path: Path) -> None:
    spec = read(tmp_path, "{data: rows.csv}")
    assert spec.row_files() == {"explain.data": tmp_path / "rows.csv"}


@pytest.mark.parametrize(
    ("explain", "reason"),
    [
        ("{features: [a, a]}", "names 'a' twice"),
        ("{features: {a: 1, b: [1]}}", "has column 1 twice"),
        ("{grid: 1}", "must be greater than or equal to 2"),
        ("{budget: 99}", "must be greater than or equal to 100"),
        ("{metod: shapley}", "unknown key"),
    ],
)
def test_what_is_wrong_is_an_error(tmp_path: Path, explain: str, reason: str) -> None:
    with pytest.raises(ManifestError, match=reason):
        read(tmp_path, explain)


def test_an_endpoint_has_no_explanations(tmp_path: Path) -> None:
    target: Any = "    target: sagemaker\n"
    with pytest.raises(ManifestError, match=r"explain.*not for endpoints"):
        read(tmp_path, "true", target)
