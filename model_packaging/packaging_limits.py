"""The limits of the process that builds a model: time, memory, and what it may touch."""

import os
import sys
from pathlib import Path
from subprocess import Popen
from threading import Timer
from typing import Final, NamedTuple, Self

from lading.model_packaging.confinement import unavailable
from lading.model_packaging.errors import PackagingError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.quiet import WAITING, waiting_quietly
from lading.model_packaging.sources.torch_archive import has_program

LONGEST_S: Final = 7200
"""Seconds that one model may take, if nothing else is stated."""

_SERVE = "from lading.model_packaging import isolated; isolated.serve()"
_CONFINE = (
    "import sys; from pathlib import Path; "
    "from lading.model_packaging.confinement import confine; "
    "confine([*map(Path, sys.argv[1:])]); "
)
"""The limits come before the libraries are imported, which start threads."""

_MIB: Final = 1 << 20


class PackagingTimedOut(PackagingError):
    """Building a model took longer than it may.

    Remedy: raise `--time-limit`.
    """

    def __init__(self, model: str, stage: str, seconds: float) -> None:
        super().__init__(
            f"model '{model}': packaging did not end within {seconds:g} s, and was stopped in "
            f"stage '{stage}'; if the model needs longer, set --time-limit"
        )
        self.model, self.stage, self.seconds = model, stage, seconds


class PackagingOutOfMemory(PackagingError):
    """Building a model needs more memory than it may.

    Remedy: raise `--memory-limit`, on a machine that has it.
    """

    def __init__(self, model: str, stage: str, limit: int) -> None:
        super().__init__(
            f"model '{model}': packaging needs more than {limit // _MIB} MiB of memory in stage "
            f"'{stage}'; if the model needs more, set --memory-limit, on a machine that has it"
        )
        self.model, self.stage, self.limit = model, stage, limit


class ConfinementMissing(PackagingError):
    """The file may run code when it is loaded, and this system cannot confine that code.

    Remedy: package it on Linux, or give `--unconfined` if you trust the file.
    """

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(
            f"model '{model}': its source may run code when it is loaded, and this system cannot "
            f"keep that code from the network and the disk: {reason}; package it on Linux, or give "
            "--unconfined if you trust the source with all that you may do"
        )
        self.model, self.reason = model, reason


class Limits(NamedTuple):
    """The limits of building one model.

    Args:
        seconds: how long it may take.
        memory: bytes of memory that it may take; 0: as much as the machine has.
        unconfined: whether a file that may run code may reach the network and the disk.
    """

    seconds: float = LONGEST_S
    memory: int = 0
    unconfined: bool = False

    def memory_bytes(self) -> int:
        """Return the limit of memory in bytes."""
        return self.memory or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

    def confines(self, spec: ModelSpec) -> bool:
        """Return whether a model is built confined: if its file may run code, or is code.

        A program of PyTorch that is converted is confined where the system can do that: its
        operators are no Python, but some of them read and write files.

        Raises:
            ConfinementMissing: it must be, and the system cannot do that.
        """
        if self.unconfined:
            return False
        if not (spec.trusts_all or spec.runs_code or spec.is_script):
            return has_program(spec.source) and not unavailable()
        if reason := unavailable():
            raise ConfinementMissing(spec.name, reason)
        return True


class Start(NamedTuple):
    """How the process that builds is started."""

    command: list[str]
    environment: dict[str, str]


def start_of(folder: Path, details: Path, *, confined: bool, serve: str = _SERVE) -> Start:
    """Return the command and the environment of the process.

    Args:
        folder: where it writes its results.
        details: the file of what it says.
        confined: whether it may write nowhere else, and reaches no network; its environment is then
            empty but for what it needs to run.
        serve: the program; by default it builds a model.
    """
    if not confined:
        return Start([sys.executable, "-c", serve], waiting_quietly())
    places = {name: str(folder) for name in ("HOME", "TMPDIR")}
    own = {**WAITING, **places, "PATH": os.defpath, "LANG": "C.UTF-8"}
    return Start([sys.executable, "-c", _CONFINE + serve, str(folder), str(details)], own)


def restrict_memory(limit: int) -> None:
    """Have allocations of this process fail beyond a limit in bytes, where the system can do it."""
    import resource  # Windows has none

    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    unlimited = most == resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_DATA, (limit if unlimited else min(limit, most), most))


class Clock:
    """Ends a process that takes too long; a context manager.

    Args:
        child: the process.
        seconds: how long it may take.
    """

    def __init__(self, child: "Popen[bytes]", seconds: float) -> None:
        self._child, self.rang = child, False
        self._timer = Timer(seconds, self._ring)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _ring(self) -> None:
        self.rang = True
        self._child.kill()
