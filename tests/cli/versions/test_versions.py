from pathlib import Path

from tests.cli.conftest import Lading
from tests.support.worlds import times


def test_lists_versions_newest_first_with_their_labels(packaged: Lading, workspace: Path) -> None:
    (workspace / "double.onnx").write_bytes(times(3))
    packaged("package")
    rows = packaged("versions", "--json").document
    assert [(row["version"], row["labels"]) for row in rows] == [(2, ["stable"]), (1, [])]


def test_shows_a_table_to_people(packaged: Lading) -> None:
    out = packaged("versions", "double").out
    assert out.splitlines()[0].split()[:3] == ["model", "version", "labels"]
    assert out.splitlines()[1].split()[:3] == ["double", "1", "stable"]


def test_a_table_in_a_file_is_as_wide_as_it_needs(lading: Lading, workspace: Path) -> None:
    name = "m" * 63
    manifest = (workspace / "models.yaml").read_text().replace("double:", f"{name}:")
    (workspace / "models.yaml").write_text(manifest)
    assert lading("package").code == 0
    _, row = lading("versions").out.splitlines()
    assert row.split()[0] == name
    assert row.rstrip().split()[-1].startswith("sha256:")


def test_an_empty_lock_says_what_makes_the_first(lading: Lading) -> None:
    assert "lading package" in lading("versions").out
    assert lading("versions", "--json").document == []


def test_a_model_that_is_not_locked_is_not_found(packaged: Lading) -> None:
    assert packaged("versions", "triple").code == 4


def test_a_copy_that_is_not_here_is_still_listed(packaged: Lading, workspace: Path) -> None:
    (workspace / "artifacts").rename(workspace / "elsewhere")
    assert packaged("versions", "--json").document[0]["bytes"] is None
    assert "not local" in packaged("versions").out


def test_a_broken_lock_costs_one_line(packaged: Lading, workspace: Path) -> None:
    (workspace / "models.lock.json").write_text("{")
    result = packaged("versions")
    assert result.code == 2
    assert result.err.count("\n") == 1


def test_a_large_models_size_is_that_of_its_engines_files(lading: Lading, workspace: Path) -> None:
    with (workspace / "models.yaml").open("a") as manifest:
        manifest.write("    target: sagemaker\n")
    assert lading("package").code == 0
    [row] = lading("versions", "--json").document
    engine = workspace / "artifacts/models/double/1/engine"
    assert row["bytes"] == sum(path.stat().st_size for path in engine.rglob("*") if path.is_file())
    assert row["target"] == "sagemaker"
