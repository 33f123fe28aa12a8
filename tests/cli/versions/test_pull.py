import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Lading
from tests.conftest import Bucket
from tests.support.worlds import times


@pytest.fixture
def remote(lading: Lading, workspace: Path, bucket: Bucket) -> Lading:
    """`lading` where two versions are published, in S3 alone."""
    lading("package", "--store", bucket.address)
    (workspace / "double.onnx").write_bytes(times(3))
    assert lading("package", "--store", bucket.address).code == 0
    return lading


def test_package_publishes_to_s3_and_the_lock_pins_the_objects(
    remote: Lading, workspace: Path, bucket: Bucket
) -> None:
    document = json.loads((workspace / "models.lock.json").read_text())
    keys = bucket.keys()
    for number, version in document["double"]["versions"].items():
        [copy] = version["stores"]
        assert copy["kind"] == "s3"
        assert copy["key"] == f"some/prefix/models/double/{number}/artifact.zip"
        assert copy["golden"] in keys
    assert not (workspace / "artifacts").exists()


def test_package_finds_what_is_in_s3(remote: Lading, bucket: Bucket) -> None:
    [document] = remote("package", "--store", bucket.address, "--json").document
    assert (document["version"], document["built"]) == (2, False)
    assert document["location"].startswith(bucket.address)


def test_serve_and_predict_say_what_brings_a_version_here(remote: Lading, workspace: Path) -> None:
    (workspace / "sample.json").write_text('{"inputs": [[1, 2]]}')
    for words in (("serve",), ("predict", "double", "-i", "sample.json")):
        result = remote(*words)
        assert result.code == 4
        assert result.err.count("\n") == 1
        assert "only at s3://" in result.err
        assert "`lading pull double`" in result.err
    assert [row["bytes"] for row in remote("versions", "--json").document] == [None, None]


def test_a_pulled_version_answers(remote: Lading, workspace: Path) -> None:
    first, second = remote("pull", "double").out.splitlines()
    assert first.startswith("double version 1 copied, ")
    assert second.startswith("double version 2 copied, ")
    (workspace / "sample.json").write_text('{"inputs": [[1, 2]]}')
    answer = remote("predict", "double", "-i", "sample.json", "--json")
    assert answer.document["outputs"] == {"y": [[3, 6]]}


def test_pulling_again_changes_nothing(remote: Lading, workspace: Path) -> None:
    remote("pull")
    before = (workspace / "models.lock.json").read_bytes()
    documents = remote("pull", "--json").document
    assert [(each["version"], each["moved"]) for each in documents] == [(1, False), (2, False)]
    assert documents[0]["copy"] == {"kind": "local", "path": "artifacts"}
    assert (workspace / "models.lock.json").read_bytes() == before


def test_only_labeled_versions_come_when_that_is_asked(remote: Lading, workspace: Path) -> None:
    remote("pull", "--labeled")
    assert [path.name for path in (workspace / "artifacts/models/double").iterdir()] == ["2"]
    assert remote("versions").code == 0


def test_a_clone_serves_from_where_the_versions_were_pulled_to(
    remote: Lading, workspace: Path
) -> None:
    remote("pull")
    shutil.move(workspace / "artifacts", workspace / "lost")
    remote("pull", "--store", "mine", "--json")
    (workspace / "sample.json").write_text('{"inputs": [[1, 2]]}')
    assert remote("predict", "double", "-i", "sample.json").code == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [(("pull", "triple"), 4), (("pull", "--store", "s3://bucket/a"), 2), (("pull",), 4)],
)
def test_a_bad_pull_costs_one_line(lading: Lading, words: tuple[str, ...], code: int) -> None:
    result = lading(*words)
    assert result.code == code
    assert result.err.count("\n") == 1
