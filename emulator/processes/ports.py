"""Ports of this machine."""

import socket
from contextlib import ExitStack

_HOST = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """As many ports, all different, on which nobody listened a moment ago."""
    with ExitStack() as held:
        listeners = [held.enter_context(socket.create_server((_HOST, 0))) for _ in range(count)]
        return [int(listener.getsockname()[1]) for listener in listeners]


def free_port() -> int:
    """One of them."""
    return free_ports(1)[0]
