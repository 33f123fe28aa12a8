"""Every command of the guide to delivery, for a model that is packaged faster than the digits.

`tests/stacks/test_delivery_stack.py` synthesizes what the guide deploys with the CDK.
"""

import json
import shutil
from pathlib import Path

from tests.cli.conftest import Lading
from tests.support.guides import commands_of
from tests.support.worlds import times


def test_a_change_is_reviewed_promoted_and_taken_back(packaged: Lading, workspace: Path) -> None:
    main = workspace / "main"
    shutil.copytree(workspace, main, ignore=shutil.ignore_patterns("main"))
    (workspace / "double.onnx").write_bytes(times(3))
    told = {}
    for command in commands_of("delivery.md"):
        program, *words = command.split()
        if program != "lading":
            continue
        instead = {"../main": "main", "digits": "double"}
        result = packaged(*(instead.get(word, word) for word in words))
        assert result.code == 0, f"{command}\n{result.err}"
        told[words[0]] = result.out
    assert {*told} == {"package", "promote", "review", "plan", "rollback", "init"}
    assert "double: stable is on version 2, before on 1" in told["promote"]
    assert "|  |  | version 1 | version 2 | change |" in told["review"]
    assert "sum" in told["plan"]
    assert "double: stable is on version 1, before on 2" in told["rollback"]
    locked = json.loads((workspace / "models.lock.json").read_text())["double"]
    assert locked["labels"] == {"stable": 1, "candidate": 2}
    assert (workspace / ".github/workflows/lading-deploy.yml").is_file()
