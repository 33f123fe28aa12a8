"""The workflows of GitHub Actions: actionlint accepts them, and they need no keys."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lading.stacks.delivery.steps import commands, workflow_files

ROOT = Path(__file__).parents[3]
FILES = workflow_files()
NAMES = sorted(FILES)


def jobs(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load(FILES[name])["jobs"])


def write(folder: Path, files: dict[str, str]) -> None:
    (folder / ".git").mkdir()
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def actionlint(folder: Path) -> tuple[int, str]:
    program = Path(sys.executable).with_name("actionlint")
    if not program.exists():
        pytest.skip("actionlint is not installed; requirements/dev.txt has it for Linux")
    done = subprocess.run(
        [program, "-no-color"], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    assert actionlint(tmp_path) == (0, "")


def test_actionlint_would_find_a_mistake(tmp_path: Path) -> None:
    name = ".github/workflows/lading-deploy.yml"
    write(tmp_path, {**FILES, name: FILES[name].replace("needs: prod", "needs: production")})
    status, said = actionlint(tmp_path)
    assert status == 1
    assert '"production"' in said


@pytest.mark.parametrize("name", NAMES)
def test_every_action_is_pinned_to_a_commit(name: str) -> None:
    used = re.findall(r"uses: (\S+)", FILES[name])
    assert used
    assert all(it.startswith("./") or re.search(r"@[0-9a-f]{40}$", it) for it in used)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_permitted_but_what_a_job_names_and_no_key_is_kept(name: str) -> None:
    assert yaml.safe_load(FILES[name])["permissions"] == {}
    assert all("permissions" in job for job in jobs(name).values())
    assert not re.search(r"secret_access_key|access_key_id", FILES[name], re.IGNORECASE)
    assert set(re.findall(r"secrets\.(\w+)", FILES[name])) <= {"LADING_TOKEN"}


@pytest.mark.parametrize("name", NAMES)
def test_no_expression_stands_in_a_command_where_its_text_could_be_run(name: str) -> None:
    steps = [step for job in jobs(name).values() for step in job.get("steps", ())]
    assert not any("${{" in step.get("run", "") for step in steps)


def test_changes_from_forks_get_no_credentials() -> None:
    (review,) = jobs(".github/workflows/lading-review.yml").values()
    assert "head.repo.full_name == github.repository" in review["if"]


def test_commands_are_found_by_the_names_of_their_steps() -> None:
    assert commands("lading-deploy", "package", "Package and gate") == [
        'lading package --store "$ARTIFACTS" --label candidate'
    ]
    with pytest.raises(KeyError, match="Unknown"):
        commands("lading-deploy", "package", "Unknown")


def test_without_a_lock_of_packages_the_cdks_command_is_the_one_of_this_checkout() -> None:
    wanted = json.loads((ROOT / "package.json").read_text())["devDependencies"]["aws-cdk"]
    (install,) = commands("lading-stage", "deploy", "Install")
    assert f"aws-cdk@{wanted};" in install
