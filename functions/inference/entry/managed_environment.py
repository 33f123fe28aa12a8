"""What an image on Lambda Managed Instances starts: its engine, then Lambda's runtime.

    python -m lading.functions.inference.entry.managed_environment <handler>

The runtime starts when the engine has loaded the models, so that no request comes before. If either
ends, so does the other, and Lambda replaces the environment.
"""

import os
import signal
import sys
from collections.abc import Sequence
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from subprocess import PIPE, Popen
from time import sleep

from lading.functions.contract.names import ADAPTER
from lading.functions.inference.entry.adapter_settings import AdapterSettings

_ENGINE = "lading.functions.inference.entry.managed_engine"
_RUNTIME = "awslambdaric"
_POLL_S = 0.05
_PROBE_S = 2


def main(arguments: Sequence[str]) -> int:
    """Run both until one ends, and return the exit status."""
    if len(arguments) != 1:
        sys.exit(f"usage: python -m {__spec__.name} <handler>")
    settings = AdapterSettings.from_environment()
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)
    engine = Popen([sys.executable, "-m", _ENGINE], stdin=PIPE)
    if not _is_ready(engine, settings.port):
        sys.stderr.write("error: the engine ended before it was ready; its lines above say why\n")
        return 1
    runtime = Popen([sys.executable, "-m", _RUNTIME, arguments[0]])
    _wait_for_one(engine, runtime)
    _end_all(engine, runtime)
    return 1


def _is_ready(engine: "Popen[bytes]", port: int) -> bool:
    """Wait until the engine answers; return False if it ends before."""
    while engine.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=_PROBE_S)
        try:
            connection.request("GET", ADAPTER.ready_path)
            if connection.getresponse().status == HTTPStatus.OK:
                return True
        except (HTTPException, OSError):
            sleep(_POLL_S)
        finally:
            connection.close()
    return False


def _wait_for_one(*processes: "Popen[bytes]") -> None:
    """Wait until one of these processes has ended; others are children of a library."""
    numbers = {process.pid: process for process in processes}
    while all(process.returncode is None for process in processes):
        number, status = os.wait()
        if number in numbers:
            numbers[number].returncode = os.waitstatus_to_exitcode(status)


def _end_all(*processes: "Popen[bytes]") -> None:
    """End this process's group: the runtime does not end the processes of the handler itself."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(os.getpgrp(), signal.SIGTERM)
    for process in processes:
        if process.returncode is None:
            process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
