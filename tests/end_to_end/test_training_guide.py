"""The guide to training, as a reader follows it: from a CSV to a compared version."""

import json
import random
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.interpreter import ROOT

pytestmark = pytest.mark.slow
pytest.importorskip("skops", reason="scikit-learn and skops are not installed")

PAGE = (ROOT / "docs/training.md").read_text()
LADING = str(Path(sys.executable).with_name("lading"))


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.+?)^```", PAGE, re.DOTALL | re.MULTILINE)


def commands(block: str) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in block.splitlines() if line.startswith("lading ")]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The page's project, with rows that its script can learn from."""
    (tmp_path / "data/train").mkdir(parents=True)
    generator = random.Random(4)  # noqa: S311 - rows for a model, no secret
    for name, extra in (("data/train/rows.csv", False), ("holdout.csv", True)):
        lines = [["a", "b", *(["country"] if extra else []), "y"]]
        for _ in range(300):
            a, b = generator.gauss(0, 1), generator.gauss(0, 1)
            y = int(a + b + generator.gauss(0, 0.5) > 0)
            country = [generator.choice(["at", "de"])] if extra else []
            lines.append([f"{a:.4f}", f"{b:.4f}", *country, str(y)])
        (tmp_path / name).write_text("\n".join(map(",".join, lines)))
    (tmp_path / "train.py").write_text(blocks("python")[0])
    (tmp_path / "models.yaml").write_text(blocks("yaml")[0])
    return tmp_path


def run(project: Path, words: list[str]) -> str:
    finished = subprocess.run(
        [LADING, *words], cwd=project, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_from_a_csv_to_a_compared_version(project: Path) -> None:
    first, second, third, *_ = blocks("sh")
    [train] = commands(first)
    assert run(project, train).startswith("churn version 1 published: ")
    assert run(project, train).startswith("churn version 1 unchanged: ")
    manifest = project / "models.yaml"
    manifest.write_text(manifest.read_text().replace("C: 1.0", "C: 0.01"))
    again, compare, as_json = commands(second)
    assert run(project, again).startswith("churn version 2 published: ")
    assert run(project, compare).splitlines()[-1] == "churn-2-against-1.html"
    document = json.loads(run(project, as_json))
    assert {each["column"] for each in document["slices"]} == {"country"}
    assert document["decision"]["label"] in {"stable", "candidate"}
    assert (project / "churn-2-against-1.html").is_file()
    [differ] = commands(third)
    assert re.search(r"training +parameter C +1.0 +0.01 +changed", run(project, differ))
