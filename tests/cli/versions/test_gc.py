import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Lading
from tests.conftest import Bucket
from tests.support.worlds import times


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest) -> str:
    return "artifacts" if request.param == "local" else request.getfixturevalue("bucket").address


@pytest.fixture
def retired(lading: Lading, workspace: Path, store: str) -> Lading:
    """`lading` where version 1 is retired, and version 2 is stable."""
    for factor in (2, 3):
        (workspace / "double.onnx").write_bytes(times(factor))
        assert lading("package", "--store", store).code == 0
    assert lading("retire", "double", "1").code == 0
    return lading


def versions(lading: Lading, store: str) -> list[int]:
    """The versions that a store holds: those that no lock of another model's clone names."""
    document = lading("gc", "--older-than", "0", "--store", store, "--json").document
    return [part["version"] for part in document["parts"] if part["version"]]


def test_lists_first_and_removes_only_when_asked(retired: Lading, store: str) -> None:
    words = ("gc", "--older-than", "0", "--store", store)
    listed = retired(*words)
    assert "double version 1, " in listed.out
    assert "can be removed" in listed.out
    assert listed.out.splitlines()[-1].endswith("can be freed; add --delete to free it")
    shown = retired(*words, "--json").document
    removed = retired(*words, "--delete", "--json").document
    assert removed == shown | {"deleted": True}
    assert removed["bytes"] == sum(part["bytes"] for part in removed["parts"]) > 0
    again = retired(*words, "--delete")
    assert again.out == "there is nothing to remove\n"
    assert retired("versions", "--json").document[0]["version"] == 2


def test_says_how_much_was_freed(retired: Lading, store: str) -> None:
    out = retired("gc", "--older-than", "0", "--store", store, "--delete").out
    assert ", removed: " in out
    last = out.splitlines()[-1]
    assert last.startswith("freed ")
    assert ("when the bucket's life cycle" in last) == store.startswith("s3://")


def test_what_was_retired_lately_is_kept_by_default(retired: Lading, store: str) -> None:
    out = retired("gc", "--store", store, "--delete").out
    assert "double version 1, " in out
    assert "kept, it was published or retired on " in out
    assert out.splitlines()[-1] == "there is nothing to remove"
    assert versions(retired, store) == [1]


def test_another_locks_versions_are_kept(retired: Lading, workspace: Path, store: str) -> None:
    lock = workspace / "models.lock.json"
    other = workspace / "prod.lock.json"
    shutil.copy(lock, other)
    (workspace / "double.onnx").write_bytes(times(2))
    assert retired("package", "--lock", "prod.lock.json", "--store", store).code == 0
    words = ("gc", "--older-than", "0", "--store", store, "--keep-locks", "prod.lock.json")
    assert retired(*words, "--delete").out == "there is nothing to remove\n"
    assert versions(retired, store) == [1]


def test_a_version_is_pulled_after_gc(lading: Lading, workspace: Path, bucket: Bucket) -> None:
    for factor in (2, 3):
        (workspace / "double.onnx").write_bytes(times(factor))
        assert lading("package", "--store", bucket.address).code == 0
    lading("retire", "double", "1")
    words = ("gc", "double", "--older-than", "0", "--store", bucket.address, "--delete")
    assert lading(*words).code == 0
    assert "double version 2 copied" in lading("pull").out
    (workspace / "sample.json").write_text('{"inputs": [[1, 2]]}')
    answer = lading("predict", "double", "-i", "sample.json", "--json").document
    assert answer["outputs"] == {"y": [[3, 6]]}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("triple",), 4),
        (("--keep-locks", "absent.json"), 2),
        (("--lock", "absent.json"), 4),
        (("--older-than", "-1"), 2),
        (("--store", "s3://nowhere-at-all"), 6),
    ],
)
def test_a_mistake_costs_one_line_and_removes_nothing(
    packaged: Lading, workspace: Path, bucket: Bucket, words: tuple[str, ...], code: int
) -> None:
    assert bucket.keys() == []
    result = packaged("gc", "--delete", *words)
    assert (result.code, result.err.count("\n")) == (code, 1)
    assert (workspace / "artifacts/models/double/1").is_dir()
