"""Times of `/ping`, asked by a process of its own while others load the server.

    python -m benchmarks.suite.pinging PORT SECONDS

The process prints the seconds of each answer as JSON. It is on the callers' core, so its figures
contain a little of their time.
"""

import json
import socket
import subprocess
import sys
import time
from time import perf_counter

from benchmarks.load import get, load, whole_size

BETWEEN_S = 0.005


def pinged(port: int, request: bytes, callers: int, seconds: float) -> list[float]:
    """Load a server, and return the seconds that each `/ping` beside it took."""
    command = [sys.executable, "-m", "benchmarks.suite.pinging", str(port), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        load(port, request, callers, seconds + 1)
        found, _ = process.communicate(timeout=60)
    times: list[float] = json.loads(found)
    return times


def main(port: int, seconds: float) -> None:
    """Ask again and again, and print the times."""
    times = []
    time.sleep(0.5)  # until the callers are there
    ends = perf_counter() + seconds
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while perf_counter() < ends:
            started = perf_counter()
            connection.sendall(get("/ping"))
            received = b""
            while not (size := whole_size(received)) or len(received) < size:
                received += connection.recv(65536)
            times.append(perf_counter() - started)
            time.sleep(BETWEEN_S)
    print(json.dumps(times))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
