"""The lock keeps what it promises in every order of edits."""

import datetime as dt
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lading.model_packaging.lock.edits import record
from lading.model_packaging.lock.file import LockError, read_lock, render_lock
from lading.model_packaging.lock.labels import move_label, roll_back
from lading.model_packaging.lock.retirement import retire
from tests.model_packaging.lock.test_file import entry

DAY = dt.date(2026, 11, 29)
VERSIONS = st.integers(1, 4)
LABELS = st.sampled_from(["stable", "candidate"])
MOST_EARLIER = 10


class Edits(RuleBasedStateMachine):
    """A model of the lock: digests by version, versions that are retired, labels and their past."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name, "models.lock.json")
        self.digests: dict[int, int] = {}
        self.retired: set[int] = set()
        self.labels: dict[str, int] = {}

    def teardown(self) -> None:
        self.folder.cleanup()

    def refused(self, edit: object) -> bool:
        """Whether an edit is refused; then the file is as it was."""
        before = self.path.read_bytes() if self.path.exists() else b""
        try:
            edit()  # type: ignore[operator] # a function without arguments
        except LockError:
            assert (self.path.read_bytes() if self.path.exists() else b"") == before
            return True
        return False

    @rule(version=VERSIONS, digest=st.integers(1, 2), labels=st.lists(LABELS, unique=True))
    def package(self, version: int, digest: int, labels: list[str]) -> None:
        other = self.digests.get(version, digest) != digest
        assert other == self.refused(
            lambda: record(self.path, "digits", version, entry(digest), labels)
        )
        if not other:
            self.digests[version] = digest
            self.retired.discard(version)
            self.labels |= dict.fromkeys(labels, version)

    @rule(label=LABELS, version=VERSIONS)
    def move(self, label: str, version: int) -> None:
        known = version in self.digests and version not in self.retired
        assert known != self.refused(lambda: move_label(self.path, "digits", label, version))
        if known:
            self.labels[label] = version

    @rule(label=LABELS)
    def remove(self, label: str) -> None:
        empty = not self.digests or self.digests.keys() == self.retired
        assert empty == self.refused(lambda: move_label(self.path, "digits", label, None))
        self.labels.pop(label, None)

    @rule(label=LABELS)
    def return_to_the_version_before(self, label: str) -> None:
        earlier = read_lock(self.path).model("digits").earlier.get(label, ())
        possible = label in self.labels and bool(earlier)
        assert possible != self.refused(lambda: roll_back(self.path, "digits", label))
        if possible:
            self.labels[label] = earlier[-1]

    @rule(version=VERSIONS)
    def withdraw(self, version: int) -> None:
        held = version in self.labels.values()
        known = version in self.digests and version not in self.retired
        possible = known and not held
        assert possible != self.refused(lambda: retire(self.path, "digits", version, DAY))
        if possible:
            self.retired.add(version)

    @invariant()
    def the_file_is_the_model(self) -> None:
        lock = read_lock(self.path)
        found = lock.model("digits")
        assert found.versions.keys() == self.digests.keys() - self.retired
        assert found.retired.keys() == self.retired
        assert lock.digests("digits") == {
            version: entry(digest).digest for version, digest in self.digests.items()
        }
        assert found.labels == self.labels

    @invariant()
    def a_label_goes_back_only_to_versions_that_are_there(self) -> None:
        found = read_lock(self.path).model("digits")
        for label, trail in found.earlier.items():
            assert found.versions.keys() >= set(trail)
            assert len(set(trail)) == len(trail) <= MOST_EARLIER
            assert found.labels.get(label) not in trail

    @invariant()
    def the_file_is_in_its_one_form(self) -> None:
        if self.path.exists():
            assert self.path.read_bytes() == render_lock(read_lock(self.path))


Edits.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestEdits = Edits.TestCase
