"""Publish version 2 in child processes that are killed before every change they make.

`python -m tests.model_packaging.publishing ADDRESS` prints the address of each child's store, in
which version 1 was published. A change is a write to the store's folder, or anything sent to S3.
"""

import os
import signal
import sys
from itertools import count
from typing import Any

from model_packaging.store import open_store
from tests.model_packaging.stores import files

_CHANGES = frozenset({"os.mkdir", "os.rename", "os.remove", "os.rmdir"})


def die_before(number: int, address: str) -> None:
    """Be killed before this process's change of this number."""
    seen = count(1)

    def hook(event: str, args: tuple[Any, ...]) -> None:
        local = bool(args) and str(args[0]).startswith(f"{address}/")
        writes = event == "open" and bool(set(str(args[1])) & set("wax+"))
        change = event == "http.client.send" or (local and (writes or event in _CHANGES))
        if change and next(seen) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def killed(address: str, number: int) -> bool:
    """Publish, to be killed before this change; whether there was one."""
    open_store(address).publish("digits", files(b"a", "one"), {})
    process = os.fork()
    if process == 0:
        die_before(number, address)
        open_store(address).publish("digits", files(b"b", "two"), {})
        os._exit(0)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def main(address: str) -> None:
    for number in count(1):
        world = f"{address}/change-{number}"
        if not killed(world, number):
            break
        print(world)  # noqa: T201 for whoever started it


if __name__ == "__main__":
    main(sys.argv[1])
