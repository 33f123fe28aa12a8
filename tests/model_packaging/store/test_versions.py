"""One behavior over every store."""

import subprocess
import sys
from pathlib import Path

import pytest

from lading.functions.inference.artifact.specification import MODEL, REPORT, SPECIFICATION
from lading.functions.inference.attestation.statement import BUNDLE
from lading.model_packaging.lock.file import LocalCopy, S3Copy
from lading.model_packaging.store.errors import NumberTaken, StoreError
from lading.model_packaging.store.local import LocalStore
from lading.model_packaging.store.publication import Built
from lading.model_packaging.store.s3 import S3Store
from lading.model_packaging.store.versions import open_store, store_of
from tests.model_packaging.stores import Folder, Place, digest, files

ROOT = Path(__file__).parents[3]


def test_an_empty_store_has_no_versions(place: Place) -> None:
    assert place.store().versions("digits") == ()
    assert place.store().find("digits", "one", {}) is None


def test_versions_count_up_and_read_back_verified(place: Place) -> None:
    store = place.store()
    assert store.publish("digits", Built(files(b"a", "one")), {}) == 1
    assert store.publish("digits", Built(files(b"b", "two")), {}) == 2
    assert store.versions("digits") == (1, 2)
    published = store.open("digits", 2, digest(files(b"b", "two")))
    assert published.artifact.model == b"b"
    assert published.files == files(b"b", "two")
    assert published.location.startswith(place.address)
    assert store.find("digits", "one", {}) == 1


def test_models_do_not_see_one_another(place: Place) -> None:
    place.store().publish("digits", Built(files()), {})
    assert place.store().versions("digit") == ()
    assert place.store().versions("digits2") == ()


def test_an_identity_that_is_published_keeps_its_version(place: Place) -> None:
    store = place.store()
    assert store.publish("digits", Built(files(b"a")), {}) == 1
    assert store.publish("digits", Built(files(b"b")), {}) == 1
    assert store.open("digits", 1).artifact.model == b"a"


def test_numbers_that_the_lock_knows_are_taken(place: Place) -> None:
    assert place.store().publish("digits", Built(files()), {4: "sha256:other"}) == 5


def test_a_number_that_the_source_brings_is_kept_where_it_is_above_all(place: Place) -> None:
    store = place.store()
    assert store.publish("digits", Built(files(b"a", "one")), {}, number=3) == 3
    assert store.publish("digits", Built(files(b"a", "one")), {}, number=7) == 3
    for pinned, number, newest in (({}, 3, 3), ({}, 2, 3), ({9: "sha256:other"}, 8, 9)):
        with pytest.raises(NumberTaken, match=f"'digits': .* is {number}, but version {newest} is"):
            store.publish("digits", Built(files(b"b", "two")), pinned, number=number)
    assert store.versions("digits") == (3,)
    assert store.publish("digits", Built(files(b"b", "two")), {}) == 4


def test_a_source_has_no_version_zero(place: Place) -> None:
    with pytest.raises(NumberTaken, match="is 0, but versions begin at 1; rename the folder 0"):
        place.store().publish("digits", Built(files()), {}, number=0)


def test_a_version_that_the_lock_pins_comes_back_under_its_number(place: Place) -> None:
    pinned = {1: "sha256:other", 2: digest(files()), 3: "sha256:other"}
    assert place.store().publish("digits", Built(files()), pinned) == 2


def test_a_version_that_the_lock_pins_to_another_digest_is_somebody_elses(place: Place) -> None:
    store = place.store()
    store.publish("digits", Built(files()), {})
    pinned = {1: "sha256:other"}
    assert store.find("digits", "one", pinned) is None
    assert store.publish("digits", Built(files()), pinned) == 2


def test_a_version_is_placed_under_its_number_once(place: Place) -> None:
    store = place.store()
    for _ in range(2):
        store.place("digits", 7, Built(files()))
    assert store.versions("digits") == (7,)
    assert store.open("digits", 7).files == files()


def test_a_placed_version_never_takes_the_place_of_another(place: Place) -> None:
    store = place.store()
    store.place("digits", 7, Built(files(b"first", "one")))
    with pytest.raises(StoreError, match=digest(files(b"first", "one"))):
        store.place("digits", 7, Built(files(b"second", "two")))
    assert store.open("digits", 7).artifact.model == b"first"


def test_the_lock_writes_a_copy_that_leads_back_to_the_version(
    place: Place, tmp_path: Path
) -> None:
    store, lock = place.store(), tmp_path / "models.lock.json"
    store.place("digits", 7, Built(files()))
    copy = store.copy("digits", 7, digest(files()), lock)
    again = store_of(copy, "digits", 7, lock).open("digits", 7, digest(files()))
    assert again.files == files()


def test_no_copy_is_written_of_what_is_not_there(place: Place, tmp_path: Path) -> None:
    store, lock = place.store(), tmp_path / "models.lock.json"
    store.place("digits", 7, Built(files()))
    for version, wanted in ((8, digest(files())), (7, digest(files(b"another")))):
        with pytest.raises(StoreError, match=f"models/digits/{version}"):
            store.copy("digits", version, wanted, lock)


@pytest.mark.parametrize("name", [MODEL, SPECIFICATION])
def test_a_flipped_byte_is_found(place: Place, name: str) -> None:
    store = place.store()
    store.publish("digits", Built(files()), {})
    content = bytearray(files()[name])
    content[-3] ^= 1
    place.put("digits", 1, files() | {name: bytes(content)})
    with pytest.raises(StoreError, match=r"is damaged .*delete .* and package again"):
        store.open("digits", 1, digest(files()))


def test_a_report_is_beside_what_is_verified(place: Place) -> None:
    store = place.store()
    store.publish("digits", Built(files()), {})
    place.put("digits", 1, files() | {REPORT: b"lost"})
    assert store.open("digits", 1, digest(files())).files[REPORT] == b"lost"


def test_a_version_of_another_model_is_not_opened(place: Place) -> None:
    place.put("iris", 1, files())
    with pytest.raises(StoreError, match="it belongs to model 'digits'"):
        place.store().open("iris", 1)


def test_a_missing_version_is_one_clear_error(place: Place) -> None:
    with pytest.raises(StoreError, match=r"models/digits/7.* is missing") as caught:
        place.store().open("digits", 7)
    assert caught.value.model == "digits"


def test_other_names_beside_a_models_versions_are_no_versions(place: Place) -> None:
    store = place.store()
    store.publish("digits", Built(files()), {})
    place.put("digits/notes", 3, {"text": b""})
    place.put("digits/\N{ARABIC-INDIC DIGIT THREE}", 3, {"text": b""})
    assert store.versions("digits") == (1,)


def stamp(name: str, version: int, built: Built) -> bytes:
    """A signature, for a store that does not look into it."""
    return f"{name} {version} {built.digest}".encode()


def test_a_version_is_signed_under_the_number_that_it_gets(place: Place) -> None:
    store = place.store()
    for number, identity in ((1, "one"), (2, "two")):
        built = Built(files(identity=identity), seal=stamp)
        assert store.publish("digits", built, {}) == number
        signature = stamp("digits", number, built)
        assert store.open("digits", number).files[BUNDLE] == signature
        assert store.attestation("digits", number, built.digest) == signature


def test_a_signature_goes_along_when_a_version_is_copied(place: Place, tmp_path: Path) -> None:
    store, other = place.store(), LocalStore(tmp_path / "other")
    store.publish("digits", Built(files(), seal=stamp), {})
    other.place("digits", 1, Built(store.open("digits", 1).files))
    place.store().place("digits", 2, Built(other.open("digits", 1).files))
    for each in (other.open("digits", 1), store.open("digits", 2)):
        assert each.files[BUNDLE] == stamp("digits", 1, Built(files()))


def test_a_published_version_gets_a_signature_and_then_another(place: Place) -> None:
    store = place.store()
    store.publish("digits", Built(files()), {})
    assert store.attestation("digits", 1, digest(files())) is None
    for content in (b"first", b"second"):
        store.attest("digits", 1, digest(files()), content)
        assert store.attestation("digits", 1, digest(files())) == content
        assert store.open("digits", 1).files == files() | {BUNDLE: content}


def test_only_a_version_that_is_there_gets_a_signature(place: Place) -> None:
    store = place.store()
    store.publish("digits", Built(files()), {})
    for version, wanted in ((1, "sha256:" + "0" * 64), (7, digest(files()))):
        with pytest.raises(StoreError, match=f"models/digits/{version}"):
            store.attest("digits", version, wanted, b"signature")
    assert store.open("digits", 1).files == files()


def test_a_signature_is_removed_with_its_version_alone(place: Place) -> None:
    store = place.store()
    for identity in ("one", "two"):
        store.publish("digits", Built(files(identity=identity), seal=stamp), {})
    first, second = (each for each in store.contents("digits") if each.version)
    store.remove("digits", first)
    for each in store.contents("digits"):
        if each.version is None and each.place not in second.needs:
            store.remove("digits", each)
    assert store.open("digits", 2).files[BUNDLE]
    assert not [it for it in store.contents("digits") if "attestations/1-" in it.place]


PUBLISH = """
import sys
from tests.model_packaging.stores import files
from lading.model_packaging.store.publication import Built
from lading.model_packaging.store.versions import open_store
_, address, who, rounds = sys.argv
store = open_store(address)
for number in range(int(rounds)):
    store.publish("digits", Built(files(b"x", f"{who} {number}")), {})
    store.publish("digits", Built(files(b"x", f"both {number}")), {})
"""


def test_publishers_at_the_same_time_share_versions_and_lose_none(place: Place) -> None:
    rounds = 20 if isinstance(place, Folder) else 6
    publishers = [
        subprocess.Popen([sys.executable, "-c", PUBLISH, place.address, who, str(rounds)], cwd=ROOT)
        for who in ("one", "two")
    ]
    assert [publisher.wait(60) for publisher in publishers] == [0, 0]
    store = place.store()
    versions = store.versions("digits")
    assert versions == tuple(range(1, 3 * rounds + 1))
    identities = {store.open("digits", version).artifact.identity for version in versions}
    assert len(identities) == 3 * rounds


@pytest.mark.slow
def test_a_publisher_killed_before_any_change_leaves_the_store_as_it_was(place: Place) -> None:
    command = [sys.executable, "-m", "tests.model_packaging.publishing", place.address, "signed"]
    killed = subprocess.run(
        command, cwd=ROOT, check=True, timeout=60, capture_output=True, text=True
    ).stdout.split()
    assert len(killed) > 5
    for world in killed:
        store = open_store(world)
        assert store.versions("digits") == (1,)
        assert store.open("digits", 1).files == files(b"one", "one") | {BUNDLE: b"one 1"}
        assert store.publish("digits", Built(files(b"three", "three")), {}) == 2
        assert store.open("digits", 2).files == files(b"three", "three")
        assert store.publish("digits", Built(files(b"two", "two")), {}) == 3
        assert store.open("digits", 3).files == files(b"two", "two")


def test_a_store_is_opened_by_its_address(tmp_path: Path) -> None:
    local, remote = open_store(str(tmp_path)), open_store("s3://a-bucket/a/prefix/")
    assert isinstance(local, LocalStore)
    assert isinstance(remote, S3Store)
    assert (remote.bucket, remote.prefix) == ("a-bucket", "a/prefix/")
    assert S3Store.at("a-bucket").prefix == ""


@pytest.mark.parametrize(
    "address", ["s3://", "s3:///a", "s3://A_b/c", "s3://bucket/a?b", "gs://bucket/a", "http://x"]
)
def test_an_address_of_no_store_is_one_clear_error(address: str) -> None:
    with pytest.raises(StoreError, match=r"use .*s3://bucket/prefix"):
        open_store(address)


def test_copies_of_both_kinds_open_their_store(tmp_path: Path) -> None:
    lock = tmp_path / "models.lock.json"
    local = store_of(LocalCopy(path="here"), "digits", 1, lock)
    copy = S3Copy(bucket="b-1", key="a/models/digits/1/artifact.zip", version_id="v", bytes=7)
    remote = store_of(copy, "digits", 1, lock)
    assert isinstance(local, LocalStore)
    assert local.root == tmp_path / "here"
    assert isinstance(remote, S3Store)
    assert (remote.bucket, remote.prefix) == ("b-1", "a/")
