"""Searches for parameters with Optuna."""

from pathlib import Path
from typing import Any

import pytest

from lading.model_packaging.errors import ManifestError
from lading.training.errors import ScriptFailed
from lading.training.output import ignore_lines
from lading.training.runs import find_run, folder_of
from lading.training.search import search_here
from tests.support.interpreter import interrupt
from tests.training.conftest import NoObjects, Project, recipe

pytest.importorskip("optuna", reason="`make training` installs it")

SCRIPT = """\
import os, sys
from pathlib import Path
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
depth = int(given["--depth"])
print(f"auc={depth / 10}")
(Path(os.environ["SM_MODEL_DIR"]) / "model.onnx").write_text(str(depth))
"""

SEARCH: dict[str, Any] = {"ranges": {"depth": [1, 2, 3, 4]}, "trials": 8, "metric": "auc"}

DRIVER = """
from pathlib import Path
from lading.model_packaging.manifest.models import load_manifest
from lading.training.recipe import read_recipe
from lading.training.search import search_here
spec = load_manifest(Path("models.yaml")).models["m"]
search_here(read_recipe(spec, None), None, lambda line: print(line, flush=True))
"""


def searched(project: Project, script: str = SCRIPT, **search: Any) -> Any:
    return project(script, parameters={"seed": 1}, search={**SEARCH, **search})


def test_the_best_trial_is_the_result(project: Project) -> None:
    spec = searched(project)
    lines: list[str] = []
    run = search_here(recipe(spec), NoObjects(), lines.append)
    made = run.record()
    tried = {line for line in lines if line.startswith("depth ")}
    best = max(tried)
    assert f"depth {made['parameters']['depth']}" == best
    assert made["parameters"]["seed"] == 1
    assert made["search"]["trials"] == 8
    assert made["key"] == recipe(spec).key
    assert (run.model / "model.onnx").read_text() == str(made["parameters"]["depth"])


def test_only_the_best_model_is_kept(project: Project) -> None:
    spec = searched(project)
    run = search_here(recipe(spec), NoObjects(), ignore_lines)
    assert [path.parent for path in folder_of(spec).rglob("training.json")] == [run.folder]


def test_the_same_search_is_not_run_again(project: Project) -> None:
    spec = searched(project)
    run = search_here(recipe(spec), NoObjects(), ignore_lines)
    lines: list[str] = []
    assert search_here(recipe(spec), NoObjects(), lines.append) == run
    assert lines == []


def test_another_range_is_another_search(project: Project) -> None:
    before = recipe(searched(project)).key
    assert recipe(searched(project, ranges={"depth": {"low": 1, "high": 4}})).key != before


def test_a_failed_trial_counts_and_the_search_goes_on(project: Project, tmp_path: Path) -> None:
    once = f"""
mark = Path({str(tmp_path / "mark")!r})
if mark.exists():
    raise SystemExit("too deep")
mark.touch()
"""
    head, tail = SCRIPT.split("print(f", 1)
    ranges = {"depth": {"low": 1, "high": 90}}
    spec = searched(project, f"{head}{once}print(f{tail}", trials=3, ranges=ranges)
    made = search_here(recipe(spec), NoObjects(), ignore_lines).record()
    assert (made["search"]["trials"], made["search"]["failed"]) == (3, 2)


def test_a_script_that_fails_at_once_is_an_error(project: Project) -> None:
    spec = searched(project, "raise SystemExit('broken')")
    with pytest.raises(ScriptFailed, match="broken"):
        search_here(recipe(spec), NoObjects(), ignore_lines)
    assert find_run(recipe(spec)) is None


def test_a_search_that_was_stopped_continues(project: Project, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    wait = f"""
import time
if depth and not Path({str(flag)!r}).exists() and Path({str(flag)!r} + "1").exists():
    print("waiting", flush=True)
    time.sleep(600)
Path({str(flag)!r} + "1").touch()
"""
    head, tail = SCRIPT.split("print(f", 1)
    ranges = {"depth": {"low": 1, "high": 90}}
    spec = searched(project, f"{head}{wait}print(f{tail}", trials=3, ranges=ranges)
    before = interrupt(DRIVER, tmp_path, "waiting")
    flag.touch()
    lines: list[str] = []
    made = search_here(recipe(spec), NoObjects(), lines.append).record()
    assert made["search"]["trials"] == 3
    assert [line for line in lines if line.startswith("trial")] == ["trial 2 of 3", "trial 3 of 3"]
    running = [line for line in before if line.startswith("depth ")][-1]
    assert running in lines


@pytest.mark.parametrize(
    ("search", "reason"),
    [
        ({"metric": "f1"}, "search needs 'f1' among its metrics"),
        ({"ranges": {"seed": [1, 2]}}, "has 'seed' in parameters and in search.ranges"),
        ({"ranges": {"depth": {"low": 3, "high": 1}}}, "low below high"),
        ({"ranges": {"depth": {"low": 0, "high": 1, "log": True}}}, "low above 0 with log"),
        ({"trials": 0}, "greater than or equal to 1"),
    ],
)
def test_bad_searches_are_errors_with_their_place(
    project: Project, search: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ManifestError, match=r"models.yaml:\d+: models.m.train") as raised:
        searched(project, **search)
    assert reason in str(raised.value)
