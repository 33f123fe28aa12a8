"""A server is ended with all that it has started."""

import socket
import sys
from pathlib import Path
from textwrap import dedent

from benchmarks.suite.processes import Server, descendants, serving
from tests.support.waiting import until

LEAVES_A_CHILD = dedent("""
    import socket, subprocess, sys, time
    held = socket.create_server(("127.0.0.1", 0))
    child = "import sys, time; print(flush=True); time.sleep(1000)"
    left = subprocess.Popen(
        [sys.executable, "-c", child], pass_fds=[held.fileno()], stdout=subprocess.PIPE
    )
    left.stdout.readline()
    with open(sys.argv[1], "w") as file:
        file.write(str(held.getsockname()[1]))
    with socket.create_server(("127.0.0.1", int(sys.argv[2]))):
        time.sleep(1000)
""")
"""A server whose child holds a port, and does not end by itself."""


def test_a_process_that_a_server_leaves_behind_is_ended(tmp_path: Path) -> None:
    file = tmp_path / "port"
    command = (sys.executable, "-c", LEAVES_A_CHILD, str(file), "{grpc}")
    with serving(Server("leaving", command, ready=""), None) as running:
        assert len(descendants(running.process.pid)) == 1
        port = int(file.read_text())
        assert listens(port)
    until(lambda: not listens(port))  # the system ends it in a moment


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except (ConnectionRefusedError, ConnectionResetError):  # reset: it is ending
        return False
    return True
