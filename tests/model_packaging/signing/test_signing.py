"""Our signatures under the official command line, and the official ones under ours."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lading.functions.contract.errors import SignatureRefused
from lading.functions.inference.artifact.specification import MODEL, REPORT, SPECIFICATION
from lading.functions.inference.attestation.statement import BUNDLE, OUTSIDE
from lading.model_packaging.signing.keys import FileKey
from lading.model_packaging.signing.signing import seal
from lading.model_packaging.signing.trust import Trust, read_trust, verify_published
from lading.model_packaging.store.local import LocalStore
from lading.model_packaging.store.publication import Built
from tests.model_packaging.stores import files, large
from tests.support.signing import model_signing, new_pair

Change = Callable[[Path], object]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[FileKey, Path]:
    return new_pair(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def trust(pair: tuple[FileKey, Path]) -> Trust:
    return read_trust(None, [pair[1]])


def published(root: Path, key: FileKey | None) -> tuple[LocalStore, Path]:
    """A store with three versions: two of a model, the third with an engine's files."""
    store, sealing = LocalStore(root), seal(key) if key else None
    store.publish("digits", Built(files(b"a", "one"), seal=sealing), {})
    store.publish("digits", Built(files(b"b", "two"), seal=sealing), {})
    store.publish("digits", Built(*large("three"), seal=sealing), {})
    return store, store.folder("digits", 3)


def test_a_published_version_has_a_signature_of_its_name_number_and_files(
    tmp_path: Path, pair: tuple[FileKey, Path], trust: Trust
) -> None:
    store, _ = published(tmp_path, pair[0])
    for version in store.versions("digits"):
        opened = store.open("digits", version)
        assert verify_published(trust, "digits", version, opened) == pair[0].id


@pytest.mark.slow
def test_the_official_tool_verifies_our_signature_and_refuses_an_altered_file(
    tmp_path: Path, pair: tuple[FileKey, Path]
) -> None:
    _, folder = published(tmp_path, pair[0])
    words = ("verify", "key", folder, "--signature", folder / BUNDLE, "--public_key", pair[1])
    (folder / REPORT).write_bytes(b"outside of what is signed")
    assert model_signing(*words).returncode == 0
    (folder / "engine/model/config").write_bytes(b"CONFIG")
    refused = model_signing(*words)
    assert refused.returncode == 1
    assert "Signature mismatch" in refused.stderr
    assert "engine/model/config" in refused.stderr


@pytest.mark.slow
def test_we_verify_the_signature_of_the_official_tool_under_its_version_alone(
    tmp_path: Path, pair: tuple[FileKey, Path], trust: Trust
) -> None:
    store, folder = published(tmp_path, None)
    ignored = [word for name in OUTSIDE for word in ("--ignore-paths", folder / name)]
    key = ("--private_key", pair[0].path)
    signed = model_signing("sign", "key", folder, *key, "--signature", folder / BUNDLE, *ignored)
    assert signed.returncode == 0, signed.stderr
    assert verify_published(trust, "digits", 3, store.open("digits", 3)) == pair[0].id
    shutil.copytree(folder, store.folder("digits", 4))
    with pytest.raises(SignatureRefused, match=r"version 4 has the signature of '3'"):
        verify_published(trust, "digits", 4, store.open("digits", 4))


def _replace(folder: Path, other: int) -> None:
    """Put the files of another version of the model into a folder."""
    shutil.rmtree(folder)
    shutil.copytree(folder.with_name(str(other)), folder)


def _altered(folder: Path) -> None:
    for name, content in files(b"evil", "two").items():
        (folder / name).write_bytes(content)


CHANGES: dict[str, tuple[Change, str]] = {
    "unsigned": (lambda it: (it / BUNDLE).unlink(), "is not signed; sign it with `lading sign"),
    "altered": (_altered, rf"was altered after it was signed: {SPECIFICATION} has the digest"),
    "downgraded": (lambda it: _replace(it, 1), r"has the signature of 'models/digits/1'"),
    "added to": (lambda it: (it / "x").write_bytes(b""), "has the file 'x', which is not signed"),
    "signed otherwise": (
        lambda it: shutil.copy(it.with_name("1") / BUNDLE, it / BUNDLE),
        r"has the signature of 'models/digits/1': it was renamed, or took another's place",
    ),
    "not a bundle": (lambda it: (it / BUNDLE).write_bytes(b"[]"), "has a signature that cannot be"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_version_that_was_changed_is_refused_with_the_reason(
    tmp_path: Path, pair: tuple[FileKey, Path], trust: Trust, change: str
) -> None:
    store, _ = published(tmp_path, pair[0])
    edit, reason = CHANGES[change]
    edit(store.folder("digits", 2))
    with pytest.raises(SignatureRefused, match=f"^model 'digits' version 2 {reason}"):
        verify_published(trust, "digits", 2, store.open("digits", 2))


def test_a_version_under_another_number_or_model_is_refused(
    tmp_path: Path, pair: tuple[FileKey, Path], trust: Trust
) -> None:
    store, _ = published(tmp_path, pair[0])
    opened = store.open("digits", 2)
    for name, version in (("digits", 7), ("iris", 2)):
        with pytest.raises(SignatureRefused, match=r"has the signature of 'models/digits/2'"):
            verify_published(trust, name, version, opened)


def test_a_key_is_rotated_by_trusting_both_and_revoked_by_trusting_it_no_more(
    tmp_path: Path,
) -> None:
    old, old_public = new_pair(tmp_path / "keys", "old")
    new, new_public = new_pair(tmp_path / "keys", "new")
    store = LocalStore(tmp_path / "store")
    store.publish("digits", Built(files(b"a", "one"), seal=seal(old)), {})
    both = read_trust(None, [old_public, new_public])
    assert verify_published(both, "digits", 1, store.open("digits", 1)) == old.id
    only = read_trust(None, [new_public])
    with pytest.raises(SignatureRefused, match=rf"with key {old.id[:12]}, which is not trusted"):
        verify_published(only, "digits", 1, store.open("digits", 1))
    opened = store.open("digits", 1)
    store.attest("digits", 1, opened.artifact.digest, seal(new)("digits", 1, Built(opened.files)))
    assert verify_published(only, "digits", 1, store.open("digits", 1)) == new.id


def test_the_signature_is_outside_of_what_it_signs(
    tmp_path: Path, pair: tuple[FileKey, Path], trust: Trust
) -> None:
    store, _ = published(tmp_path, pair[0])
    opened = store.open("digits", 1)
    again = seal(pair[0])("digits", 1, Built(opened.files))  # with the old bundle beside
    store.attest("digits", 1, opened.artifact.digest, again)
    assert verify_published(trust, "digits", 1, store.open("digits", 1)) == pair[0].id
    assert store.open("digits", 1).files.keys() == {*files(), BUNDLE}
    assert store.open("digits", 1).files[MODEL] == b"a"
