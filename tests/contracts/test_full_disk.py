"""A disk that is full at any byte: nothing is half published, and the next try succeeds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lading.model_packaging.lock.edits import record
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.store.local import LocalStore
from lading.model_packaging.store.publication import Built
from tests.model_packaging.lock.test_file import entry
from tests.model_packaging.stores import files
from tests.support.interpreter import ROOT

LIMITED = """
import resource, signal, sys
from pathlib import Path
from lading.model_packaging.errors import PackagingError
from lading.model_packaging.lock.edits import record
from lading.model_packaging.store.local import LocalStore
from lading.model_packaging.store.publication import Built
from tests.model_packaging.lock.test_file import entry
from tests.model_packaging.stores import files

root, what, most = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
try:
    if what == "store":
        LocalStore(root / "store").publish("digits", Built(files(b"weights" * 50)), {})
    else:
        record(root / "models.lock.json", "digits", 2, entry(2), ["stable"])
except PackagingError as error:
    sys.exit(str(error))
"""


def limited(root: Path, what: str, most: int) -> subprocess.CompletedProcess[str]:
    """Publish or lock where no file may have more bytes, as on a disk that is full then."""
    command = [sys.executable, "-c", LIMITED, str(root), what, str(most)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.skipif(os.name != "posix", reason="the system has no limit of a file's size")
@pytest.mark.parametrize("most", [0, 100, 300])
def test_a_version_is_published_whole_or_not_at_all(tmp_path: Path, most: int) -> None:
    done = limited(tmp_path, "store", most)
    assert done.returncode == 1
    assert "cannot be written: File too large" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    store = LocalStore(tmp_path / "store")
    assert store.versions("digits") == ()
    assert store.publish("digits", Built(files(b"weights" * 50)), {}) == 1
    assert store.open("digits", 1).files == files(b"weights" * 50)


@pytest.mark.skipif(os.name != "posix", reason="the system has no limit of a file's size")
@pytest.mark.parametrize("most", [0, 200])
def test_the_lock_is_written_whole_or_stays_as_it_was(tmp_path: Path, most: int) -> None:
    lock = tmp_path / "models.lock.json"
    record(lock, "digits", 1, entry(1), ["stable"])
    before = lock.read_bytes()
    done = limited(tmp_path, "lock", most)
    assert done.returncode == 1
    assert "cannot be written: File too large" in done.stderr, done.stderr
    assert lock.read_bytes() == before
    record(lock, "digits", 2, entry(2), ["stable"])
    assert read_lock(lock).model("digits").labels == {"stable": 2}
