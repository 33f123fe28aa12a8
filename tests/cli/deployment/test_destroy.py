from pathlib import Path

from tests.cli.conftest import Lading
from tests.conftest import Bucket


def test_a_dry_run_names_stage_and_account_and_deletes_nothing(
    lading: Lading, workspace: Path, bucket: Bucket
) -> None:
    (workspace / "stages.yaml").write_text("stages: {dev: {}}")
    result = lading("destroy", "--stage", "dev", "--dry-run")
    assert result.code == 0, result.err
    assert result.out.startswith("would delete the stacks of stage 'dev' in account 123456789012, ")
    assert result.err.startswith("nothing was deleted")
    document = lading("destroy", "--stage", "dev", "--dry-run", "--json").document
    assert (document["stage"], document["deleted"]) == ("dev", False)
    asked = lading("destroy", "--stage", "dev")
    assert "would delete stage 'dev'" in asked.err
    assert asked.code != 0
