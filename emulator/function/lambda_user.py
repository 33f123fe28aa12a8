"""Becomes the user under which Lambda runs functions, in a namespace, and runs a program.

    python lambda_user.py PROGRAM [ARGUMENT ...]

AWS's runtime emulator starts a function of several requests at once as user 993 and group 990. In
a user namespace these are the names of the user of this process, so the function may read what that
user may read. Only root may let such a namespace set its groups, which the emulator does.
"""

import ctypes
import os
import sys
from pathlib import Path

USER, GROUP = 993, 990
"""As in aws-lambda-runtime-interface-emulator, supervisor/local/process.go."""
_NEW_MOUNTS, _NEW_USERS = 0x00020000, 0x10000000
"""Linux's CLONE_NEWNS and CLONE_NEWUSER."""
_KEPT = (6, 7, 21)
"""CAP_SETGID, CAP_SETUID and CAP_SYS_ADMIN, within the namespace: to set groups, and to mount."""
_CAPABILITIES = 0x20080522
"""Version 3 of the structures of capset."""
_AMBIENT, _RAISE = 47, 2
"""PR_CAP_AMBIENT and PR_CAP_AMBIENT_RAISE."""


def main(command: list[str]) -> None:
    """Enter the namespaces, and replace this process by the program."""
    process, user, group = os.getpid(), os.geteuid(), os.getegid()
    ready, proceed = os.pipe()
    helper = os.fork()
    if helper == 0:  # outside of the new namespace, where the map may be written
        os.close(proceed)
        os.read(ready, 1)
        Path(f"/proc/{process}/uid_map").write_text(f"{USER} {user} 1")
        Path(f"/proc/{process}/gid_map").write_text(f"{GROUP} {group} 1")
        os._exit(0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_USERS | _NEW_MOUNTS) != 0:
        sys.exit(f"error: {os.strerror(ctypes.get_errno())}")
    os.write(proceed, b"x")
    os.waitpid(helper, 0)
    _keep_capabilities(libc)
    os.execvp(command[0], command)  # noqa: S606 the caller's own command, no shell


def _keep_capabilities(libc: ctypes.CDLL) -> None:
    """Keep what a program of another user than root would lose when it starts."""
    bits = sum(1 << each for each in _KEPT)
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0)
    sets = (ctypes.c_uint32 * 6)(bits, bits, bits, 0, 0, 0)  # effective, permitted, inheritable
    failed = libc.capset(header, sets) != 0
    failed |= any(libc.prctl(_AMBIENT, _RAISE, each, 0, 0) != 0 for each in _KEPT)
    if failed:
        sys.exit(f"error: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main(sys.argv[1:])
