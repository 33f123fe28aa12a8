"""One behavior over every store: the files that an engine loads."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lading.functions.inference.artifact.specification import EngineFile
from lading.model_packaging.store.errors import StoreError
from lading.model_packaging.store.publication import Built
from lading.model_packaging.store.versions import open_store
from tests.model_packaging.stores import Place, contents, digest, large
from tests.support.interpreter import ROOT


def test_an_engines_files_are_published_with_their_version_and_read_back(place: Place) -> None:
    files, engine = large()
    store = place.store()
    assert store.publish("digits", Built(files, engine), {}) == 1
    published = place.store().open("digits", 1, digest(files))
    assert published.files == files
    assert published.artifact.engine is not None
    assert published.artifact.engine.files == engine.files
    assert contents(published.engine) == contents(engine)
    assert store.versions("digits") == (1,)
    assert store.find("digits", "one", {}) == 1


def test_versions_that_share_an_engines_files_both_have_them(place: Place) -> None:
    store = place.store()
    for version, identity in enumerate(("one", "two"), 1):
        files, engine = large(identity)
        assert store.publish("digits", Built(files, engine), {}) == version
    for version in (1, 2):
        assert contents(store.open("digits", version).engine) == contents(engine)


def test_a_version_is_placed_with_its_engines_files_once(place: Place) -> None:
    files, engine = large()
    for _ in range(2):
        place.store().place("digits", 7, Built(files, engine))
    assert contents(place.store().open("digits", 7, digest(files)).engine) == contents(engine)


def test_a_source_that_changed_meanwhile_is_never_published(place: Place) -> None:
    files, engine = large()
    changed = {**engine.files, "model/config": EngineFile(f"sha256:{0:064x}", 6)}
    with pytest.raises(StoreError, match=r"source/model/config has changed"):
        place.store().publish("digits", Built(files, replace(engine, files=changed)), {})
    assert place.store().versions("digits") == ()


@pytest.mark.parametrize(
    ("path", "content"),
    [("model/config", b"conf"), ("model/more", b"load me, too")],
    ids=["short", "not listed"],
)
def test_a_version_with_other_files_than_listed_is_damaged(
    place: Place, path: str, content: bytes
) -> None:
    files, engine = large()
    place.store().publish("digits", Built(files, engine), {})
    place.put_engine(engine, path, content)
    with pytest.raises(StoreError, match=rf"is damaged \(engine/{path} has {len(content)} bytes"):
        place.store().open("digits", 1)
    with pytest.raises(StoreError, match="is damaged"):
        place.store().copy("digits", 1, digest(files), Path("models.lock.json"))


def test_a_flipped_byte_is_found_when_the_file_is_read(place: Place) -> None:
    files, engine = large()
    place.store().publish("digits", Built(files, engine), {})
    place.put_engine(engine, "model/config", b"konfig")
    opened = place.store().open("digits", 1).engine
    with pytest.raises(StoreError, match=r"model/config has changed.*package the model again"):
        contents(opened)


@pytest.mark.slow
@pytest.mark.slow
def test_a_publisher_killed_before_any_change_leaves_no_version(place: Place) -> None:
    command = [sys.executable, "-m", "tests.model_packaging.publishing", place.address, "engine"]
    killed = subprocess.run(
        command, cwd=ROOT, check=True, timeout=120, capture_output=True, text=True
    ).stdout.split()
    assert len(killed) > 5
    files, engine = large("two", second=b"2")
    for world in killed:
        store = open_store(world)
        assert store.versions("digits") == (1,)
        assert contents(store.open("digits", 1).engine)
        assert store.publish("digits", Built(files, engine), {}) == 2
        assert contents(store.open("digits", 2).engine) == contents(engine)


def test_a_file_that_is_gone_is_one_clear_error(place: Place) -> None:
    files, engine = large()
    place.store().publish("digits", Built(files, engine), {})
    opened = place.store().open("digits", 1).engine
    assert opened is not None
    gone = replace(opened, files={"gone": EngineFile("", 1)})
    with pytest.raises(StoreError, match=r"model 'digits': .*gone (cannot be read|is missing)"):
        next(gone.read("gone"))
