"""Every command of the guide to batches on this machine, also with fewer rows than it says."""

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
    line
    for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
    for line in block.splitlines()
]
LOCAL = [command for command in COMMANDS if "--stage" not in command]


@pytest.mark.parametrize("count", [3000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_a_million_rows_are_answered_as_one_request_is(
    published: Path, tmp_path: Path, count: int
) -> None:
    """The guide's rows of numbers, in all formats that it names, each answered alike."""
    clone = shutil.copytree(published, tmp_path / "clone")
    assert len(LOCAL) >= 5
    said = [run(command.replace("1000000", str(count)), clone) for command in LOCAL]
    assert f"{count:,} of {count:,} rows answered" in "".join(said)
    assert json.loads(said[-1])["answered"] == 1000
    answers = parquet.read_table(clone / "answers.parquet").to_pydict()
    with np.load(clone / "rows.npz") as rows:
        request = {"inputs": rows["X"][[0, count - 1]].tolist()}
    assert answers["row"] == [*range(count)]
    for place, row in ((0, request["inputs"][0]), (count - 1, request["inputs"][1])):
        (clone / "one.json").write_text(json.dumps({"inputs": [row]}))
        reply = json.loads(run("lading predict digits -i one.json --json", clone))
        assert reply["outputs"]["label"] == [answers["label"][place]]
        assert reply["outputs"]["probabilities"][0] == pytest.approx(
            answers["probabilities"][place], abs=1e-6
        )
    lines = (clone / "answers.jsonl").read_text().splitlines()
    assert json.loads(lines[500])["label"] == answers["label"][500]
