"""What is wrong before anything is deployed; tests/end_to_end deploys."""

import json
from pathlib import Path

import pytest

from lading.api.errors import InputUnreadable
from lading.cli.emulated_stage import find_model
from lading.cli.errors import EXIT
from lading.model_packaging.lock.file import CopyElsewhere
from tests.cli.conftest import Lading

DIGEST = f"sha256:{'0' * 64}"
MANIFEST = "models:\n  digits:\n    source: model.onnx\n"


def lock(folder: Path, store: dict[str, object]) -> tuple[Path, Path]:
    """A manifest, and a lock with one version of its model."""
    (folder / "models.yaml").write_text(MANIFEST)
    entry = {"identity": DIGEST, "digest": DIGEST, "target": "lambda", "stores": [store]}
    content = {"digits": {"labels": {"stable": 1}, "versions": {"1": entry}}}
    (folder / "models.lock.json").write_text(json.dumps(content))
    return folder / "models.yaml", folder / "models.lock.json"


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        ([], EXIT.not_found, "with a version labeled 'stable'"),
        (["--stage", "production"], EXIT.usage, "there is no stage 'production'"),
        (["--update"], EXIT.usage, "name the next version with --to"),
        (["--to", "2", "--model", "double"], EXIT.not_found, "has no model 'double'"),
    ],
)
def test_what_cannot_be_deployed_is_told_before_anything_starts(
    words: list[str], code: int, reason: str, lading: Lading, workspace: Path
) -> None:
    refused = lading("emulate", "--once", *words)
    assert refused.code == code
    assert reason in refused.err
    assert not (workspace / ".lading").exists()


def test_a_version_that_lies_in_s3_alone_must_be_pulled_first(tmp_path: Path) -> None:
    key = "models/digits/1/artifact.zip"
    remote = {"kind": "s3", "bucket": "b", "key": key, "version_id": "v", "bytes": 1}
    with pytest.raises(CopyElsewhere):
        find_model(*lock(tmp_path, remote))


def test_damaged_golden_requests_are_reported_with_their_file(
    packaged: Lading, workspace: Path
) -> None:
    (workspace / "artifacts/models/double/1/golden.json").write_text("{}")
    with pytest.raises(InputUnreadable, match=r"golden\.json: is damaged; restore it"):
        find_model(workspace / "models.yaml", workspace / "models.lock.json")


def test_a_model_of_which_several_versions_answer_is_not_rehearsed(
    packaged: Lading, workspace: Path
) -> None:
    split = "{split: {versions: {stable: 100}}}"
    (workspace / "stages.yaml").write_text(f"stages: {{dev: {{models: {{double: {split}}}}}}}")
    refused = packaged("emulate", "--update", "--to", "1")
    assert refused.code == EXIT.usage
    assert "stages.dev.models.double.split: several versions answer" in refused.err
