from pathlib import Path

import pytest

from lading.functions.contract.errors import SignatureRefused
from lading.functions.inference.artifact.specification import SPECIFICATION
from lading.model_packaging.lock.file import LocalCopy, LockedVersion, S3Copy
from lading.model_packaging.signing.locked import LockedCopy, check_locked
from lading.model_packaging.signing.signing import seal
from lading.model_packaging.signing.trust import read_trust
from lading.model_packaging.store.errors import StoreError
from lading.model_packaging.store.publication import Built
from tests.model_packaging.stores import Place, digest, files
from tests.support.signing import new_pair


def locked(place: Place, lock: Path, version: int = 1) -> LockedCopy:
    store = place.store()
    copy = store.copy("digits", version, digest(files()), lock)
    assert isinstance(copy, LocalCopy | S3Copy)
    entry = LockedVersion(identity=f"sha256:{'0' * 64}", digest=digest(files()), stores=(copy,))
    return LockedCopy("digits", version, entry, copy, lock)


def test_a_locked_version_is_accepted_by_its_signature_in_every_store(
    place: Place, tmp_path: Path
) -> None:
    key, public = new_pair(tmp_path / "keys")
    store, lock = place.store(), tmp_path / "models.lock.json"
    trust, said = read_trust(None, [public]), list[str]()
    store.publish("digits", Built(files(), seal=seal(key)), {})
    check_locked(trust, locked(place, lock), said.append)
    store.place("digits", 2, Built(files()))
    with pytest.raises(SignatureRefused, match="version 2 is not signed"):
        check_locked(trust, locked(place, lock, 2), said.append)
    assert said == []
    check_locked(trust._replace(mode="warn"), locked(place, lock, 2), said.append)
    assert len(said) == 1
    check_locked(trust._replace(mode="off"), locked(place, lock, 2), said.append)
    assert len(said) == 1


def test_a_local_copy_with_another_artifact_json_is_refused(tmp_path: Path) -> None:
    key, public = new_pair(tmp_path / "keys")
    store = tmp_path / "store/models/digits/1"
    store.mkdir(parents=True)
    for name, content in files().items():
        (store / name).write_bytes(content)
    copy = LocalCopy(path="store")
    entry = LockedVersion(identity=f"sha256:{'0' * 64}", digest=digest(files()), stores=(copy,))
    found = LockedCopy("digits", 1, entry, copy, tmp_path / "models.lock.json")
    (store / SPECIFICATION).write_bytes(files(b"other")[SPECIFICATION])
    assert key.id
    with pytest.raises(StoreError, match=r"has another artifact\.json than the lock"):
        check_locked(read_trust(None, [public]), found, print)
