"""Run a command that the kernel kills when its parent ends for any reason (Linux only).

    python tether.py PARENT COMMAND [ARGUMENT ...]

This file runs as a script and imports only the standard library. PARENT is the process id of the
expected parent, or 0 for the leader of the session; when that parent is gone already, the command
does not run. The kernel keeps the setting through `exec`, so the command itself is bound.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Bind this process to its parent, then replace it by the command."""
    parent, command = int(arguments[0]), arguments[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    if os.getppid() != (parent or os.getsid(0)):
        sys.exit("the parent process is gone")
    os.execv(command[0], command)  # noqa: S606 the caller's own command, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
