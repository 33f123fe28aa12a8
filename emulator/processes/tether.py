"""Run a command that ends when its parent does, however that ends (Linux only).

    python tether.py PARENT COMMAND [ARGUMENT ...]

Run as a file, with nothing but the standard library. PARENT is the expected parent's process id, or
0 for the leader of the session: if it is gone already, the command is not run. The kernel keeps the
bond when a program replaces itself by another one, so it is the command itself that is bound.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Bind this process to its parent, and become the command."""
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
