"""Every command of the guide to batches, with fewer rows than it says."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from tests.end_to_end.conftest import ROOT
from tests.end_to_end.test_readme import run

pytestmark = pytest.mark.slow

GUIDE = (ROOT / "docs/batch.md").read_text()
COMMANDS = [
    line.replace("1000000", "3000")
    for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
    for line in block.splitlines()
]
LOCAL = [command for command in COMMANDS if "--stage" not in command]


def test_a_million_rows_are_answered_as_one_request_is(published: Path, tmp_path: Path) -> None:
    """The guide's rows of numbers, in all formats that it names, each answered alike."""
    clone = shutil.copytree(published, tmp_path / "clone")
    assert len(LOCAL) >= 5
    said = [run(command, clone) for command in LOCAL]
    assert "3,000 of 3,000 rows answered" in "".join(said)
    assert json.loads(said[-1])["answered"] == 1000
    answers = parquet.read_table(clone / "answers.parquet").to_pydict()
    with np.load(clone / "rows.npz") as rows:
        request = {"inputs": rows["X"][[0, 2999]].tolist()}
    assert answers["row"] == [*range(3000)]
    for place, row in ((0, request["inputs"][0]), (2999, request["inputs"][1])):
        (clone / "one.json").write_text(json.dumps({"inputs": [row]}))
        reply = json.loads(run("lading predict digits -i one.json --json", clone))
        assert reply["outputs"]["label"] == [answers["label"][place]]
        assert reply["outputs"]["probabilities"][0] == pytest.approx(
            answers["probabilities"][place], abs=1e-6
        )
    lines = (clone / "answers.jsonl").read_text().splitlines()
    assert json.loads(lines[500])["label"] == answers["label"][500]
