"""Remove garbage in child processes that are killed before every change they make.

`python -m tests.model_packaging.collecting ADDRESS FOLDER` prints the address of each child's store
and the path of its lock, which has retired version 1 and has version 2.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from lading.model_packaging.lock.edits import record
from lading.model_packaging.lock.file import LockedVersion
from lading.model_packaging.lock.retirement import retire
from lading.model_packaging.store.garbage import Retention, Unlocked, collect
from lading.model_packaging.store.publication import Built
from lading.model_packaging.store.versions import Store, open_store
from tests.model_packaging.publishing import die_before
from tests.model_packaging.stores import large


def lock_version(store: Store, lock: Path, version: int, digest: str) -> None:
    """Record a version of digits that is in the store."""
    copy = store.copy("digits", version, digest, lock)
    record(
        lock, "digits", version, LockedVersion(identity=digest, digest=digest, stores=(copy,)), []
    )


def collected(store: Store, lock: Path, *others: Path, days: int = 2) -> list[Unlocked]:
    """Remove what is garbage on a day from now."""
    retention = Retention(lock, others, datetime.now(UTC) + timedelta(days=days))
    return list(collect((), store, retention, delete=True))


def prepare(store: Store, lock: Path) -> None:
    """Publish two versions with files of their own, and retire the first."""
    for version, second in ((1, b"1"), (2, b"2")):
        built = Built(*large(str(version), second=second))
        store.publish("digits", built, {})
        lock_version(store, lock, version, built.digest)
    retire(lock, "digits", 1, datetime.now(UTC).date())


def killed(address: str, lock: Path, number: int) -> bool:
    """Remove garbage, to be killed before this change; whether there was one."""
    store = open_store(address)
    prepare(store, lock)
    process = os.fork()
    if process == 0:
        die_before(number, address)
        collected(open_store(address), lock)
        os._exit(0)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def main(address: str, folder: Path) -> None:
    for number in count(1):
        world, lock = f"{address}/change-{number}", folder / f"{number}.lock.json"
        if not killed(world, lock, number):
            break
        print(world, lock)  # noqa: T201 for whoever started it


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
