"""Free ports are different ones, and can be listened on."""

import socket

from lading.emulator.processes.ports import free_port, free_ports


def test_ports_are_free_and_all_different() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    for port in (*ports, free_port()):
        socket.create_server(("127.0.0.1", port)).close()
