from pathlib import Path

import pytest

from lading.cli.delivery.github import write_workflows
from lading.cli.errors import CliError, Unwritable
from tests.cli.conftest import Lading

FILES = {"lading-deploy.yml", "lading-review.yml", "lading-stage.yml"}


def test_writes_three_workflows_and_the_same_again(tmp_path: Path) -> None:
    for _ in range(2):
        found = write_workflows(tmp_path)
        assert {path.name for path in found} == FILES
        assert all(path.parent == tmp_path / ".github/workflows" for path in found)
        assert all("lading" in path.read_text() for path in found)


def test_a_workflow_that_was_changed_stays_and_nothing_is_written(tmp_path: Path) -> None:
    changed = tmp_path / ".github/workflows/lading-stage.yml"
    changed.parent.mkdir(parents=True)
    changed.write_text("name: ours\n")
    with pytest.raises(CliError, match="exists and differs"):
        write_workflows(tmp_path)
    assert list(changed.parent.iterdir()) == [changed]
    assert changed.read_text() == "name: ours\n"


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".github").write_text("")
    with pytest.raises(Unwritable, match="cannot be written"):
        write_workflows(tmp_path)


def test_init_writes_them_into_a_new_project(lading: Lading, workspace: Path) -> None:
    document = lading("init", "shop", "--ci", "github", "--json").document
    assert {f".github/workflows/{name}" for name in FILES} <= set(document["written"])
    assert (workspace / "shop/models.yaml").is_file()
    assert (workspace / "shop/.github/workflows/lading-deploy.yml").is_file()


def test_init_writes_them_into_a_project_that_exists(lading: Lading, workspace: Path) -> None:
    before = (workspace / "models.yaml").read_bytes()
    dry = lading("init", "--ci", "github", "--dry-run")
    assert len(dry.out.splitlines()) == len(FILES)
    assert not (workspace / ".github").exists()
    assert lading("init", "--ci", "github").code == 0
    assert {path.name for path in (workspace / ".github/workflows").iterdir()} == FILES
    assert (workspace / "models.yaml").read_bytes() == before
