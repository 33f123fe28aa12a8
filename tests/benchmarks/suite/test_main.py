"""A quick run of the benchmark, with real servers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.interpreter import ROOT

pytest.importorskip("uvloop")
pytest.importorskip("fastapi")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.suite", *words]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=300
    )


@pytest.mark.slow
def test_a_quick_run_prints_a_row_for_each_target_it_is_asked_for(tmp_path: Path) -> None:
    groups = ("ceiling", "dialects", "grpc")
    done = run("--quick", "--json", str(tmp_path / "rows.json"), "--only", *groups)
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "rows.json").read_text())
    targets = {row["target"][:1] for row in document["rows"]}
    assert targets == {"t", "1", "5"}
    assert "whose figures mean nothing" in document["machine"]
    judged = [row for row in document["rows"] if row["verdict"] in {"met", "MISSED"}]
    assert all(row["figure"] for row in judged)
    assert f"{len(document['rows'])} rows" in done.stdout


def test_a_part_of_the_table_is_not_written() -> None:
    done = run("--write", "--quick")
    assert (done.returncode, "needs a whole run" in done.stderr) == (2, True)
