from pathlib import Path

import pytest

from lading.api.errors import InputUnreadable, NothingLocked
from lading.cli.smoke.golden import stable_models
from tests.cli.conftest import Lading


def test_a_model_has_its_version_and_the_tensors_of_each_request(
    packaged: Lading, workspace: Path
) -> None:
    (model,) = stable_models(workspace / "models.yaml", workspace / "models.lock.json")
    assert (model.name, model.version, model.language) == ("double", 1, False)
    assert len(model.tensors) == len(model.golden.requests) > 1
    assert {tensor["name"] for tensor in model.tensors[0]["inputs"]} == {"x"}


@pytest.mark.parametrize("file", ["golden.json", "artifact.json"])
def test_a_missing_file_is_reported(packaged: Lading, workspace: Path, file: str) -> None:
    (workspace / "artifacts/models/double/1" / file).unlink()
    with pytest.raises(InputUnreadable, match=rf"{file}: No such file"):
        list(stable_models(workspace / "models.yaml", workspace / "models.lock.json"))


def test_without_a_stable_version_there_is_nothing_to_call(
    packaged: Lading, workspace: Path
) -> None:
    packaged("label", "double", "stable", "--remove")
    with pytest.raises(NothingLocked, match="with a version labeled 'stable'"):
        list(stable_models(workspace / "models.yaml", workspace / "models.lock.json"))
