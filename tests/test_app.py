"""The cloud entry point, run as the CDK runs it, with no credentials about."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.stacks.projects import locked, s3_copy, write_project

ROOT = Path(__file__).parents[1]


def run_app(folder: Path, **context: str) -> subprocess.CompletedProcess[str]:
    """app.py with the context and the environment that the CDK gives it."""
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    files = {"manifest": "models.yaml", "lock": "models.lock.json", "stages": "stages.yaml"}
    found = {key: str(folder / file) for key, file in files.items()}
    asked = {**flags, **found, "aws:cdk:bundling-stacks": [], **context}
    return subprocess.run(
        [sys.executable, "-W", "error", "app.py"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
            "CDK_CONTEXT_JSON": json.dumps(asked),
            "CDK_OUTDIR": str(folder / "out"),
        },
    )


def test_the_stacks_are_synthesised_without_credentials(tmp_path: Path) -> None:
    write_project(tmp_path, {"digits": locked(s3_copy("digits"))})
    done = run_app(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    templates = {path.name for path in (tmp_path / "out").glob("*.template.json")}
    assert "lading-dev-model-digits.template.json" in templates


def test_what_is_wrong_is_one_line_and_a_failure(tmp_path: Path) -> None:
    write_project(tmp_path, None)
    done = run_app(tmp_path, stage="prd")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"error: {tmp_path}/stages.yaml: there is no stage 'prd'; did you mean 'prod'?"
    ]
