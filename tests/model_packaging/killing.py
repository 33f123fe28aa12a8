"""Package in child processes that are killed at every stage and before every write.

`python -m tests.model_packaging.killing FOLDER`: FOLDER/start is a world with a published version
1 and sources for a version 2. Each child packages version 2 in a copy of it, FOLDER/<point>, and is
killed with SIGKILL at that point.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

from lading.model_packaging.pipeline import STAGES, package
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.models import linear_spec

OnStage = Callable[[str, str], None]

_CHANGES = frozenset({"os.mkdir", "os.rename", "os.remove", "os.rmdir"})


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def at_stage(stage: str, *, done: bool) -> OnStage:
    """An `OnStage` that dies when the stage starts, or when it is done."""

    def on_stage(now: str, outcome: str) -> None:
        if (now, bool(outcome)) == (stage, done):
            die()

    return on_stage


def before_change(world: Path, number: int) -> OnStage:
    """Die before the process changes the world's files for this time, once packaging started."""
    seen = count(1)

    def hook(event: str, args: tuple[Any, ...]) -> None:
        writes = event == "open" and set(str(args[1])) & set("wax+")
        inside = bool(args) and str(args[0]).startswith(f"{world}/")
        if inside and (writes or event in _CHANGES) and next(seen) == number:
            die()

    sys.addaudithook(hook)
    return lambda _stage, _outcome: None


def child(start: Path, world: Path, arm: Callable[[], OnStage]) -> bool:
    """Package in a copy of the start; whether the child was killed."""
    shutil.copytree(start, world)
    process = os.fork()
    if process == 0:
        spec = linear_spec(world, seed=1, gated=False)
        package(spec, LocalStore(world / "store"), world / "models.lock.json", arm())
        os._exit(0)
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status) == signal.SIGKILL
    return os.WEXITSTATUS(status) != 0


def main(folder: Path) -> None:
    start = folder / "start"
    for stage in STAGES:
        for done in (False, True):
            world = folder / f"{stage}-{'done' if done else 'start'}"
            assert child(start, world, lambda: at_stage(stage, done=done))  # noqa: B023
    for number in count(1):
        world = folder / f"change-{number}"
        if not child(start, world, lambda: before_change(world, number)):  # noqa: B023
            break


if __name__ == "__main__":
    main(Path(sys.argv[1]))
