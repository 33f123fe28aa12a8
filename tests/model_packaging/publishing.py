"""Publish version 2 in child processes that are killed before every change they make.

`python -m tests.model_packaging.publishing ADDRESS KIND` prints the address of each child's store,
in which version 1 was published; both have a model and a signature of their own, or an engine's
files. A change is a write to the store's folder, or anything sent to S3.
"""

import os
import signal
import sys
from functools import partial
from itertools import count
from typing import Any

from lading.model_packaging.store.publication import Built
from lading.model_packaging.store.versions import open_store
from tests.model_packaging.stores import files, large

_REMOVALS = frozenset({"os.remove", "os.rmdir"})
_CHANGES = _REMOVALS | {"os.mkdir", "os.rename"}
_NO_FOLDER = -1


def die_before(number: int, address: str) -> None:
    """Be killed before this process's change of this number."""
    seen = count(1)

    def hook(event: str, args: tuple[Any, ...]) -> None:
        local = bool(args) and str(args[0]).startswith(f"{address}/")
        writes = event == "open" and bool(set(str(args[1])) & set("wax+"))
        inside = event in _REMOVALS and args[1] != _NO_FOLDER  # of a folder that is open
        change = event == "http.client.send" or inside or (local and (writes or event in _CHANGES))
        if change and next(seen) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def signature(identity: str, _name: str, version: int, _built: Built) -> bytes:
    return f"{identity} {version}".encode()


def publish(address: str, kind: str, identity: str) -> None:
    """Publish an artifact of this kind."""
    if kind == "signed":
        built = Built(files(identity.encode(), identity), seal=partial(signature, identity))
        open_store(address).publish("digits", built, {})
    else:
        artifact, engine = large(identity, second=b"1" if identity == "one" else b"2")
        open_store(address).publish("digits", Built(artifact, engine), {})


def killed(address: str, kind: str, number: int) -> bool:
    """Publish, to be killed before this change; whether there was one."""
    publish(address, kind, "one")
    process = os.fork()
    if process == 0:
        die_before(number, address)
        publish(address, kind, "two")
        os._exit(0)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def main(address: str, kind: str) -> None:
    for number in count(1):
        world = f"{address}/change-{number}"
        if not killed(world, kind, number):
            break
        print(world)  # noqa: T201 for whoever started it


if __name__ == "__main__":
    main(*sys.argv[1:])
