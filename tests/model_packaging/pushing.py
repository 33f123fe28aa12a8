"""Push a signed version to S3 in child processes that are killed before every change they make.

`python -m tests.model_packaging.pushing FOLDER BUCKET` prints the name of each child's world: a
folder below FOLDER, with the lock, and the prefix of the same name in the bucket.
"""

import os
import sys
from itertools import count
from pathlib import Path

from lading.functions.inference.attestation.statement import BUNDLE
from lading.model_packaging.lock.edits import record
from lading.model_packaging.lock.file import LockedVersion
from lading.model_packaging.store.local import LocalStore
from lading.model_packaging.store.publication import Built
from lading.model_packaging.store.transfer import transfer
from lading.model_packaging.store.versions import open_store
from tests.model_packaging.publishing import die_before
from tests.model_packaging.stores import digest, files

SIGNED = files() | {BUNDLE: b"signature"}
IDENTITY = f"sha256:{1:064x}"


def lock_in(folder: Path) -> Path:
    """Write a lock with version 3, which lies in a local store beside it."""
    store, lock = LocalStore(folder / "artifacts"), folder / "models.lock.json"
    store.place("digits", 3, Built(SIGNED))
    copy = store.copy("digits", 3, digest(SIGNED), lock)
    entry = LockedVersion(identity=IDENTITY, digest=digest(SIGNED), stores=(copy,))
    record(lock, "digits", 3, entry, ["stable"])
    return lock


def killed(lock: Path, address: str, number: int) -> bool:
    """Push, to be killed before this change; whether there was one."""
    process = os.fork()
    if process == 0:
        die_before(number, str(lock.parent))
        transfer("digits", 3, open_store(address), lock)
        os._exit(0)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def main(folder: str, bucket: str) -> None:
    for number in count(1):
        name = f"change-{number}"
        if not killed(lock_in(Path(folder, name)), f"s3://{bucket}/{name}", number):
            break
        print(name)  # noqa: T201 for whoever started it


if __name__ == "__main__":
    main(*sys.argv[1:])
