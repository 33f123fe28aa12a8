"""The folders that AWS's runtime emulator requires where it handles several requests at once.

With `AWS_LAMBDA_MAX_CONCURRENCY` the program ignores the command that it is given, and starts
`/var/runtime/bootstrap` in `/var/task`, as on Lambda Managed Instances, as a user of its own. A
namespace has all of this for the program alone: nothing is written on this machine. It needs Linux
and root, as in a container or a CI job.
"""

import shlex
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from lading.emulator.errors import RuntimeUnavailable

_USER = Path(__file__).with_name("lambda_user.py")
_FOLDERS = Path(__file__).with_name("lambda_folders.sh")
_COMMAND = (sys.executable, "-I", "-S", str(_USER))


@cache
def require_namespace() -> None:
    """Check that this system lets this user make the namespace.

    Raises:
        RuntimeUnavailable: it does not.
    """
    check = [*_COMMAND, "/bin/sh", "-c", "mount -t tmpfs lading /var"]
    tried = subprocess.run(check, capture_output=True, check=False)
    if tried.returncode:
        raise RuntimeUnavailable(
            "several requests at once need root and Linux's namespaces, which a container may "
            "forbid; use --runtime lambda"
        )


def with_folders(scratch: Path, program: Sequence[str], bootstrap: Sequence[str]) -> list[str]:
    """Return the command that runs the program with the folders.

    Args:
        scratch: an empty folder on which they are mounted.
        program: the runtime emulator and its options.
        bootstrap: the command that it starts.
    """
    script = f"#!/bin/sh\nexec {shlex.join(bootstrap)}"
    return [*_COMMAND, "/bin/sh", str(_FOLDERS), str(scratch), script, *program]
