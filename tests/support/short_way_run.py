"""The connections of a server with the short way, without a network, for tests that count."""

import asyncio
import io
import json
from pathlib import Path
from typing import Any

from uvicorn.server import ServerState

from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.entry.container import create_container
from lading.functions.inference.entry.container_settings import ContainerSettings
from lading.functions.inference.entry.http_server import configuration
from lading.functions.inference.entry.short.protocol import ShortProtocol
from lading.functions.inference.entry.short.way import ShortWay
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.loading.folder import load_folder
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.observability.prometheus import Metrics

BODY = json.dumps({"inputs": [[0.0, 1.5]]}).encode()
REQUEST = (
    b"POST /predict/m HTTP/1.1\r\nhost: x\r\naccept: */*\r\nuser-agent: test\r\n"
    b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)
)


class Memory(asyncio.Transport):
    """A transport that counts the answers."""

    answers = 0
    closed = False

    def write(self, data: Any) -> None:
        self.answers += bytes(data).startswith(b"HTTP/1.1 200 OK\r\n")

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        """Do nothing: all has been read."""

    def resume_reading(self) -> None:
        """Do nothing; see `pause_reading`."""


class Connections:
    """Connections of one server, without a network.

    Args:
        folder: the models.
        count: how many connections there are.
        lanes: the server's queue.
    """

    def __init__(self, folder: Path, count: int, lanes: Lanes) -> None:
        settings, catalog, metrics = ServingSettings(), load_folder(folder, 1), Metrics()
        observed = Observability(settings, metrics.note, output=io.StringIO())
        self.predictor, self.lanes = catalog.model("m").predictor(1), lanes
        self.short = ShortWay(catalog, observed, lanes, 1 << 20)
        told = ContainerSettings(settings, folder)
        app = create_container(catalog, told, observed, lanes, self.short)
        config = configuration(app, keep_alive_s=60, grace_s=1, short=self.short)
        state = ServerState()
        config.load()
        self.transports = [Memory() for _ in range(count)]
        self.protocols = [ShortProtocol(self.short, config, state, {}) for _ in self.transports]
        for protocol, transport in zip(self.protocols, self.transports, strict=True):
            protocol.connection_made(transport)

    def quick(self) -> bool:
        """Return whether the model has been found to be quick."""
        return self.lanes.predict_here(self.predictor, []) is not None

    async def turns(self, count: int, pause_s: float = 0.0) -> int:
        """Answer a request on each connection so many times; return how many answers there were."""
        before = sum(each.answers for each in self.transports)
        wanted = before
        for _ in range(count):
            for protocol in self.protocols:
                protocol.data_received(REQUEST)
            wanted += len(self.protocols)
            while sum(each.answers for each in self.transports) < wanted:  # noqa: ASYNC110 no event tells
                await asyncio.sleep(pause_s)
        await asyncio.sleep(0)
        return wanted - before
