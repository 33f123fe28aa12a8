"""The guide from a CSV to a retrained model: every command of it, in the emulated cloud."""

import json
import random
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from lading.model_packaging.lock.file import read_lock
from lading.stacks.stages.settings import load_deployment
from tests.end_to_end.conftest import command_environment
from tests.support.interpreter import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.long]
pytest.importorskip("skops", reason="scikit-learn and skops are not installed")

GUIDE = (ROOT / "docs/from-csv-to-retrained.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.+?)^```", GUIDE, re.DOTALL | re.MULTILINE)


def write_rows(path: Path, count: int, seed: int, noise: float) -> None:
    generator = random.Random(seed)  # noqa: S311 - rows for a model, no secret
    lines = ["a,b,y"]
    for _ in range(count):
        a, b = generator.gauss(0, 1), generator.gauss(0, 1)
        lines.append(f"{a:.4f},{b:.4f},{int(a + b + generator.gauss(0, noise) > 0)}")
    path.write_text("\n".join(lines))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty folder with the rows that the guide speaks of."""
    write_rows(tmp_path / "rows.csv", 40, 1, 1.0)
    write_rows(tmp_path / "new.csv", 2000, 2, 0.2)
    write_rows(tmp_path / "holdout.csv", 400, 3, 0.2)
    script, upload = blocks("python")
    (tmp_path / "train.py").write_text(script)
    (tmp_path / "upload.py").write_text(upload)
    return tmp_path


def run(folder: Path, script: str, variables: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=folder,
        env={**command_environment(), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Emulating:
    """`lading emulate` in another terminal."""

    def __init__(self, errors: IO[str], found: dict[str, str]) -> None:
        self._errors, self.found = errors, found

    def wait_for(self, text: str) -> None:
        seen = []
        for line in self._errors:
            seen.append(line)
            if text in line:
                return
        raise AssertionError("".join(seen))


@contextmanager
def emulating(folder: Path, command: str) -> Iterator[Emulating]:
    with subprocess.Popen(
        [*command.split(), "--json"],
        cwd=folder,
        env=command_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stdout.readline()
            assert line, process.stderr.read()
            yield Emulating(process.stderr, json.loads(line))
        finally:
            process.send_signal(signal.SIGINT)


def test_from_a_csv_to_a_retrained_compared_and_rolled_out_model(project: Path) -> None:
    train, emulate, lead, again, apply, smoke, back = blocks("sh")
    first, second, stages = blocks("yaml")
    (project / "models.yaml").write_text(first)
    assert run(project, train, {}).startswith("churn version 1 published: ")
    (project / "models.yaml").write_text(second)
    with emulating(project, emulate.strip()) as cloud:
        variables = dict(re.findall(r"(\w+)=(\S+)", lead))
        variables["AWS_ENDPOINT_URL"] = cloud.found["endpoint"]
        variables |= {"LADING_URL": cloud.found["url"], "LADING_TOKEN": cloud.found["token"]}
        status = run(project, again, variables)
        assert "version 2, proposed label stable" in status
        event = json.loads((project / "event.json").read_text())
        assert (event["version"], event["against"], event["label"]) == (2, 1, "stable")
        (metric,) = event["comparison"]
        assert metric["after"] > metric["before"]
        shown = run(project, apply, variables)
        assert shown.count('+      "stable": 2') == 2
        cloud.wait_for("is deployed: churn 2")
        assert served(run(project, f"{smoke.strip()} --json", variables)) == {"churn": 2}
        run(project, back, variables)
        cloud.wait_for("is deployed: churn 1")
        assert served(run(project, f"{smoke.strip()} --json", variables)) == {"churn": 1}
    assert read_lock(project / "models.lock.json").model("churn").labels == {"stable": 1}
    assert "retraining" in stages


def served(output: str) -> dict[str, int]:
    found: dict[str, int] = json.loads(output)["versions"]
    return found


def test_the_settings_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "stages.yaml"
    path.write_text(blocks("yaml")[-1])
    assert not load_deployment(path, "dev").settings.retraining.enabled
    assert load_deployment(path, "prod").settings.retraining.build_minutes == 90
