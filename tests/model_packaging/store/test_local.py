from pathlib import Path

import pytest

from lading.functions.inference.artifact.specification import GOLDEN, MODEL, REPORT, SPECIFICATION
from lading.model_packaging.store.errors import StoreError
from lading.model_packaging.store.local import LocalStore
from lading.model_packaging.store.publication import Built
from tests.model_packaging.stores import digest, files


def test_what_a_killed_publisher_left_is_cleaned_up(tmp_path: Path) -> None:
    leftover = tmp_path / ".staging" / "version"
    leftover.mkdir(parents=True)
    (leftover / "half.onnx").write_bytes(b"ha")
    LocalStore(tmp_path).publish("digits", Built(files()), {})
    assert sorted(path.name for path in (tmp_path / ".staging").iterdir()) == ["lock"]
    published = tmp_path / "models/digits/1"
    names = sorted(path.name for path in published.iterdir())
    assert names == sorted([GOLDEN, MODEL, REPORT, SPECIFICATION])


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_an_unreadable_specification_is_never_passed_over(tmp_path: Path, content: bytes) -> None:
    store = LocalStore(tmp_path)
    store.publish("digits", Built(files()), {})
    (tmp_path / "models/digits/1" / SPECIFICATION).write_bytes(content)
    with pytest.raises(StoreError, match="models/digits/1 is damaged"):
        store.find("digits", "two", {})


def test_a_store_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot be written: "):
        LocalStore(tmp_path / "file").publish("digits", Built(files()), {})


def test_the_lock_names_the_store_relative_to_itself(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "a" / "store")
    store.publish("digits", Built(files()), {})
    wanted = digest(files())
    assert store.copy("digits", 1, wanted, tmp_path / "models.lock.json").path == "a/store"
    assert store.copy("digits", 1, wanted, tmp_path / "b" / "lock").path == "../a/store"
