"""What a stage says of signatures, as YAML reads it."""

from pathlib import Path

import pytest

from lading.stacks.stages.settings import load_deployment


@pytest.mark.parametrize("written", ["off", '"off"', "required", "warn"])
def test_each_policy_is_read_as_it_is_written(tmp_path: Path, written: str) -> None:
    path = tmp_path / "stages.yaml"
    path.write_text(f"stages:\n  prod:\n    signatures: {{policy: {written}}}\n")
    assert load_deployment(path, "prod").settings.signatures.policy == written.strip('"')
