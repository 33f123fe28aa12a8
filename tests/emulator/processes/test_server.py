import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lading.emulator.errors import AddressUnavailable
from tests.emulator.harness import in_process, serve, serving

ROOT = Path(__file__).parents[3]

SERVE = """
    import os, sys
    from lading.emulator.function.in_process import InProcessFunction
    from tests.emulator.handlers import handler
    from tests.emulator.harness import serve

    class Told(InProcessFunction):
        async def stop(self):
            await super().stop()
            print("stopped", flush=True)

    serve(Told(lambda: handler), on_ready=lambda port: print(port, flush=True))
    print("returned", flush=True)
"""


def test_port_zero_takes_a_free_one_and_tells_it() -> None:
    with serving(in_process()) as first, serving(in_process()) as second:
        assert first.port != second.port
        assert second.client.get("/letters/3").text == "xxx"


def test_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressUnavailable, match=f"cannot listen on 127.0.0.1:{port}"):
            serve(in_process(), port=port)


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("127.0.0.1", 70_000)])
def test_impossible_address_is_told(host: str, port: int) -> None:
    with pytest.raises(AddressUnavailable, match="choose another"):
        serve(in_process(), host=host, port=port)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_server_and_its_function(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SERVE)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert int(process.stdout.readline()) > 0
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (out, err, process.returncode) == ("stopped\nreturned\n", "", 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_as_soon_as_the_server_is_ready_ends_it_as_well(number: signal.Signals) -> None:
    told: list[int] = []

    def ready(port: int) -> None:
        told.append(port)
        os.kill(os.getpid(), number)

    serve(in_process(), on_ready=ready)
    assert told
