"""A store keeps what it promises in every order of publishing, placing and removing."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from lading.model_packaging.store.errors import NumberTaken, StoreError
from lading.model_packaging.store.publication import Built
from lading.model_packaging.store.versions import Store, open_store
from tests.conftest import Bucket
from tests.model_packaging.stores import digest, files

IDENTITIES = st.sampled_from(["one", "two", "three"])
NUMBERS = st.integers(1, 6)


class Publishing(RuleBasedStateMachine):
    """A model of a store: the files of each version; the lock pins what `pinned` says."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.versions: dict[int, dict[str, bytes]] = {}
        self.pinned: dict[int, str] = {}

    def known(self, identity: str) -> int | None:
        """The first version of this identity that the lock does not pin to another digest."""
        return next(
            (
                number
                for number, content in sorted(self.versions.items())
                if f'"identity": "{identity}"'.encode() in content["artifact.json"]
                and self.pinned.get(number, digest(content)) == digest(content)
            ),
            None,
        )

    @rule(identity=IDENTITIES, model=st.binary(min_size=1, max_size=3))
    def publish(self, identity: str, model: bytes) -> None:
        content = files(model, identity)
        expected = self.known(identity)
        number = self.store.publish("digits", Built(content), self.pinned)
        if expected is not None:
            assert number == expected
        else:
            assert number not in self.versions
            assert self.pinned.get(number, digest(content)) == digest(content)
            self.versions[number] = content

    @rule(identity=IDENTITIES, number=NUMBERS)
    def publish_under_a_number(self, identity: str, number: int) -> None:
        content = files(identity=identity)
        expected = self.known(identity)
        taken = number <= max((0, *self.versions, *self.pinned))
        try:
            found = self.store.publish("digits", Built(content), self.pinned, number=number)
        except NumberTaken:
            assert expected is None
            assert taken
            return
        assert found == expected or found not in self.versions
        if expected is None:
            self.versions[found] = content

    @rule(identity=IDENTITIES, number=NUMBERS)
    def place(self, identity: str, number: int) -> None:
        content = files(identity=identity)
        differs = digest(self.versions.get(number, content)) != digest(content)
        try:
            self.store.place("digits", number, Built(content))
        except StoreError:
            assert differs
            return
        assert not differs
        self.versions.setdefault(number, content)

    @rule(number=NUMBERS, identity=IDENTITIES)
    def pin(self, number: int, identity: str) -> None:
        content = self.versions.get(number, files(identity=identity))
        self.pinned[number] = digest(content)

    @rule(number=NUMBERS)
    def remove(self, number: int) -> None:
        for stored in self.store.contents("digits"):
            if stored.version == number:
                self.store.remove("digits", stored)
                del self.versions[number]

    @invariant()
    def every_version_reads_back_as_it_was_published(self) -> None:
        assert self.store.versions("digits") == tuple(sorted(self.versions))
        for number, content in self.versions.items():
            assert self.store.open("digits", number, digest(content)).files == content


def run(store: Store, examples: int) -> None:
    class Here(Publishing):
        def __init__(self) -> None:
            super().__init__()
            self.store = store
            for stored in store.contents("digits"):
                store.remove("digits", stored)

    chosen: Any = settings(
        max_examples=examples,
        stateful_step_count=15,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Here, settings=chosen)


def test_a_folder_keeps_every_version_in_any_order() -> None:
    with tempfile.TemporaryDirectory() as root:
        run(open_store(str(Path(root, "store"))), 20)


@pytest.mark.slow
def test_a_bucket_keeps_every_version_in_any_order(bucket: Bucket) -> None:
    run(open_store(bucket.address), 3)
