"""The contract: names that are safe in paths, and layers where they lie."""

import os
import re
from pathlib import Path

import pytest

from lading.functions.contract.names import NAME_PATTERN, artifact_folder
from tests.support.interpreter import ROOT, run_clean


@pytest.mark.parametrize("name", ["digits", "a", "A.b_c-1", "0" * 63])
def test_a_name_is_safe_in_paths(name: str) -> None:
    assert re.fullmatch(NAME_PATTERN, name)
    assert artifact_folder(name, 3) == f"models/{name}/3"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "-a", "_a", "a/b", "a:b", "a b", "\u00e9", "a" * 64]
)
def test_a_name_that_paths_would_bend_is_none(name: str) -> None:
    assert not re.fullmatch(NAME_PATTERN, name)


FIND = """
import json, sys
from pathlib import Path
from lading.functions.contract.names import in_layers
print(json.dumps({"found": str(in_layers(Path(sys.argv[1])))}))
"""


@pytest.mark.parametrize("on_path", ["layer", "layer/python"])
def test_a_layer_is_found_where_an_emulator_mounts_it(tmp_path: Path, on_path: str) -> None:
    artifact = tmp_path / "layer/models/m/1"
    artifact.mkdir(parents=True)
    paths = os.pathsep.join(map(str, (ROOT, tmp_path / on_path)))
    for wanted, found in (
        ("/opt/models/m/1", str(artifact)),
        ("/opt/models/m/2", "/opt/models/m/2"),
        ("/elsewhere/models/m/1", "/elsewhere/models/m/1"),
    ):
        assert run_clean(FIND, {"PYTHONPATH": paths}, wanted) == [{"found": found}]
