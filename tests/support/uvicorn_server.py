"""An application under a real server, for stock clients."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from lading.functions.inference.wire.asgi import App


@contextmanager
def uvicorn_serving(app: App, **options: Any) -> Iterator[str]:
    """`host:port` of `app` under uvicorn with these options, in a thread."""
    listener = socket.create_server(("127.0.0.1", 0))
    # uvicorn's own configuration of logging closes every handler. TensorFlow's closes its stream
    # then: the one that pytest keeps the output of later tests in.
    config = uvicorn.Config(app, lifespan="off", log_level="error", log_config=None, **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
    listener.close()
