"""Takes from this process what a file of a model never needs: the network, and most of the disk.

A pickle is a program. Its process gets an empty environment, and two of Linux's own limits, which
neither it nor its children can lift, and which need no rights to set:

- seccomp refuses `socket`, so that it reaches no address, not even a socket in the file system, and
  io_uring, which could open one unseen;
- Landlock refuses to write, create, rename or remove anything but below given paths, to trace
  processes outside, and, from Linux 6.12 on, to signal them.

Root also gives up its capabilities, such as to set the clock or to restart the machine, except for
those by which it reads and writes files of others: Landlock limits these.

It can still read what its user can read. Standard library only, and nothing that starts a thread: a
limit holds for the threads that start after it.
https://docs.kernel.org/userspace-api/landlock.html, seccomp_filter.html.
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple


class _Machine(NamedTuple):
    """The numbers of a processor's system calls."""

    audit: int
    socket: int
    capget: int
    capset: int


_MACHINES: Final = {
    "x86_64": _Machine(0xC000003E, 41, 125, 126),
    "aarch64": _Machine(0xC00000B7, 198, 90, 91),
}
_IO_URING: Final = (425, 426, 427)
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
"""System calls of the same number everywhere."""

_SET_NO_NEW_PRIVILEGES, _GET_SECCOMP, _SET_SECCOMP, _FILTER = 38, 21, 22, 2
_ABI_VERSION, _PATH_BENEATH = 1, 1
_LEAST_ABI = 3
"""Landlock's version from Linux 6.2, the first that refuses to truncate files."""
SIGNAL_ABI: Final = 6
"""Landlock's version from Linux 6.12, the first that refuses signals to processes outside."""

_WRITE_FILE, _TRUNCATE = 1 << 1, 1 << 14
_CHANGES: Final = _WRITE_FILE | _TRUNCATE | sum(1 << bit for bit in range(4, 14))
"""Write, truncate, remove, make, link and rename."""
_SCOPES = 0b11
"""Abstract Unix sockets, and signals."""

_CAPABILITIES: Final = struct.pack("=Ii", 0x20080522, 0)
"""Version 3 of the form in which this process's capabilities are read and set."""
_KEPT: Final = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""

_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EACCES
_X32 = 0x40000000


class ConfinementFailed(OSError):
    """This system does not set a limit that it said it has."""


def unavailable() -> str:
    """Return why this system cannot confine a process; empty if it can. Nothing is changed."""
    if sys.platform != "linux":
        return f"{platform.system()} has neither seccomp nor Landlock"
    if platform.machine() not in _MACHINES:
        return f"the numbers of system calls of {platform.machine()} are not known"
    if _libc().prctl(_GET_SECCOMP, 0, 0, 0, 0) < 0:
        return "the kernel has no seccomp"
    if landlock_version() < _LEAST_ABI:
        return "the kernel has no Landlock of version 3 or newer (Linux 6.2), or it is switched off"
    return ""


def landlock_version() -> int:
    """Return the version of this kernel's Landlock; below 0 if it has none."""
    return int(_libc().syscall(_LANDLOCK_CREATE, None, 0, _ABI_VERSION))


def confine(writable: Sequence[Path]) -> None:
    """Confine this process and all that it starts.

    Args:
        writable: the folders and files that it may change.

    Raises:
        ConfinementFailed: the system refuses a limit.
    """
    libc = _libc()
    _checked(libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no new privileges")
    _restrict_writing(libc, writable)
    _drop_capabilities(libc)
    _restrict_calls(libc)


def _restrict_writing(libc: ctypes.CDLL, writable: Sequence[Path]) -> None:
    scopes = _SCOPES if landlock_version() >= SIGNAL_ABI else 0
    attributes = struct.pack("=QQQ", _CHANGES, 0, scopes)[: 24 if scopes else 8]
    rules = libc.syscall(_LANDLOCK_CREATE, attributes, len(attributes), 0)
    _checked(rules, "Landlock")
    for path in (*writable, Path(os.devnull)):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        changes = _CHANGES if path.is_dir() else _WRITE_FILE | _TRUNCATE
        rule = struct.pack("=Qi", changes, place)
        _checked(libc.syscall(_LANDLOCK_ADD, rules, _PATH_BENEATH, rule, 0), f"Landlock at {path}")
        os.close(place)
    _checked(libc.syscall(_LANDLOCK_RESTRICT, rules, 0), "Landlock")
    os.close(rules)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """Keep none but `_KEPT`; without new privileges, no program that is started regains others."""
    machine = _MACHINES[platform.machine()]
    header, found = map(ctypes.create_string_buffer, (_CAPABILITIES, bytes(24)))
    _checked(libc.syscall(machine.capget, header, found), "capabilities")
    _, permitted, *_ = struct.unpack("=6I", found.raw[:24])
    kept = permitted & _KEPT
    wanted = struct.pack("=6I", kept, kept, 0, 0, 0, 0)
    _checked(libc.syscall(machine.capset, header, wanted), "capabilities")


def _restrict_calls(libc: ctypes.CDLL) -> None:
    machine = _MACHINES[platform.machine()]
    refused = (machine.socket, *_IO_URING)
    program = [
        (_LOAD, 0, 0, 4),  # the kind of system call; a 32-bit one has other numbers
        (_JUMP_IF_EQUAL, 1, 0, machine.audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),  # its number
        (_JUMP_IF_AT_LEAST, len(refused) + 1, 0, _X32),
        *((_JUMP_IF_EQUAL, len(refused) - at, 0, call) for at, call in enumerate(refused)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    filter_ = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
    _checked(libc.prctl(_SET_SECCOMP, _FILTER, filter_, 0, 0), "seccomp")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, limit: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise ConfinementFailed(number, f"{limit}: {os.strerror(number)}")
