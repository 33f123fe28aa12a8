import json
import subprocess
import sys
from pathlib import Path

import pytest

from functions.inference.artifact import MODEL, SPECIFICATION, sha256
from model_packaging.errors import StoreError
from model_packaging.store import LocalStore

ROOT = Path(__file__).parents[2]


def files(model: bytes = b"model", identity: str = "one") -> dict[str, bytes]:
    document = {
        "format_version": 1,
        "name": "digits",
        "identity": identity,
        "inputs": [],
        "outputs": [],
        "files": {MODEL: sha256(model)},
    }
    return {MODEL: model, SPECIFICATION: json.dumps(document).encode()}


def digest(artifact: dict[str, bytes]) -> str:
    return sha256(artifact[SPECIFICATION])


def test_an_empty_store_has_no_versions(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    assert store.versions("digits") == ()
    assert store.find("digits", "one", {}) is None


def test_versions_count_up_and_read_back_verified(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    assert store.publish("digits", files(b"a", "one"), {}) == 1
    assert store.publish("digits", files(b"b", "two"), {}) == 2
    assert store.versions("digits") == (1, 2)
    assert store.open("digits", 2, digest(files(b"b", "two"))).model == b"b"
    assert store.find("digits", "one", {}) == 1


def test_an_identity_that_is_published_keeps_its_version(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    assert store.publish("digits", files(b"a"), {}) == 1
    assert store.publish("digits", files(b"b"), {}) == 1
    assert store.open("digits", 1).model == b"a"


def test_numbers_that_the_lock_knows_are_taken(tmp_path: Path) -> None:
    assert LocalStore(tmp_path).publish("digits", files(), {4: "sha256:other"}) == 5


def test_a_version_that_the_lock_pins_comes_back_under_its_number(tmp_path: Path) -> None:
    pinned = {1: "sha256:other", 2: digest(files()), 3: "sha256:other"}
    assert LocalStore(tmp_path).publish("digits", files(), pinned) == 2


def test_a_version_that_the_lock_pins_to_another_digest_is_somebody_elses(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.publish("digits", files(), {})
    pinned = {1: "sha256:other"}
    assert store.find("digits", "one", pinned) is None
    assert store.publish("digits", files(), pinned) == 2


def test_what_a_killed_publisher_left_is_cleaned_up(tmp_path: Path) -> None:
    leftover = tmp_path / ".staging" / "version"
    leftover.mkdir(parents=True)
    (leftover / "half.onnx").write_bytes(b"ha")
    LocalStore(tmp_path).publish("digits", files(), {})
    assert sorted(path.name for path in (tmp_path / ".staging").iterdir()) == ["lock"]
    published = tmp_path / "models/digits/1"
    assert sorted(path.name for path in published.iterdir()) == [SPECIFICATION, MODEL]


@pytest.mark.parametrize("name", [MODEL, SPECIFICATION])
def test_a_flipped_byte_is_found(tmp_path: Path, name: str) -> None:
    store = LocalStore(tmp_path)
    store.publish("digits", files(), {})
    path = tmp_path / "models/digits/1" / name
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"is damaged .* delete the folder and package again"):
        store.open("digits", 1, digest(files()))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_an_unreadable_specification_is_never_passed_over(tmp_path: Path, content: bytes) -> None:
    store = LocalStore(tmp_path)
    store.publish("digits", files(), {})
    (tmp_path / "models/digits/1" / SPECIFICATION).write_bytes(content)
    with pytest.raises(StoreError, match="models/digits/1 is damaged"):
        store.find("digits", "two", {})


def test_a_version_of_another_model_is_not_opened(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.publish("digits", files(), {})
    (tmp_path / "models/digits").rename(tmp_path / "models/iris")
    with pytest.raises(StoreError, match="it is of model 'digits'"):
        store.open("iris", 1)


def test_a_missing_version_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is missing"):
        LocalStore(tmp_path).open("digits", 7)


def test_other_names_in_a_models_folder_are_no_versions(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.publish("digits", files(), {})
    (tmp_path / "models/digits/notes").mkdir()
    (tmp_path / "models/digits/٣").mkdir()
    assert store.versions("digits") == (1,)


def test_a_store_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot be written: "):
        LocalStore(tmp_path / "file").publish("digits", files(), {})


def test_the_lock_names_the_store_relative_to_itself(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "a" / "store")
    assert store.copy(tmp_path / "models.lock.json").path == "a/store"
    assert store.copy(tmp_path / "b" / "models.lock.json").path == "../a/store"


PUBLISH = """
import json, sys
from pathlib import Path
from tests.model_packaging.test_store import files
from model_packaging.store import LocalStore
store = LocalStore(Path(sys.argv[1]))
for number in range(20):
    store.publish("digits", files(b"x", f"{sys.argv[2]} {number}"), {})
    store.publish("digits", files(b"x", f"both {number}"), {})
"""


def test_publishers_at_the_same_time_share_versions_and_lose_none(tmp_path: Path) -> None:
    publishers = [
        subprocess.Popen([sys.executable, "-c", PUBLISH, str(tmp_path), who], cwd=ROOT)
        for who in ("one", "two")
    ]
    assert [publisher.wait(60) for publisher in publishers] == [0, 0]
    store = LocalStore(tmp_path)
    assert store.versions("digits") == tuple(range(1, 61))
    identities = {store.open("digits", version).identity for version in range(1, 61)}
    assert len(identities) == 60
