"""Free ports of this machine."""

import socket
from contextlib import ExitStack

_HOST = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that were free a moment ago."""
    with ExitStack() as held:
        listeners = [held.enter_context(socket.create_server((_HOST, 0))) for _ in range(count)]
        return [int(listener.getsockname()[1]) for listener in listeners]


def free_port() -> int:
    """Return one free port."""
    return free_ports(1)[0]
