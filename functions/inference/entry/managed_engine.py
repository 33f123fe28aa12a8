"""The engine of an environment on Lambda Managed Instances: one process that has the models.

Lambda's Python runtime starts a process of the handler for each concurrent request. With a copy of
the models in each, they would not fit a GPU. So the handler only passes events on
(`managed_handler.py`), and this process computes all answers, several at once. It ends when the
process that started it ends, which holds the other end of its standard input.
"""

import sys
from threading import Thread

import uvicorn

from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.entry.adapter_settings import AdapterSettings
from lading.functions.inference.entry.handler import within_limit
from lading.functions.inference.entry.http_server import configuration
from lading.functions.inference.entry.keep_alive import MOST_KEEP_ALIVE_SECONDS
from lading.functions.inference.entry.warm_up import warm_up
from lading.functions.inference.entry.web_adapter import create_adapted
from lading.functions.inference.models.session import runs_on_gpu
from lading.functions.inference.wire.asgi import App

_GRACE_S = 2


def create_engine(settings: ServingSettings, context: AdapterSettings) -> App:
    """Load the models and warm them up, and return the application for the handler's requests.

    The handler has removed the base path of a custom domain.
    """
    below = settings._replace(base_path="")
    return create_adapted(below, context, loaded=warm_up, limited=within_limit)


def main() -> None:
    """Serve until standard input ends."""
    context = AdapterSettings.from_environment()
    if context.require_gpu and not runs_on_gpu():
        sys.exit(
            "error: CUDA does not run here; the driver of the host must support the CUDA libraries "
            "of the image, and the function needs AcceleratorConfig"
        )
    engine = create_engine(ServingSettings.from_environment(), context)
    # A connection of a handler stays open while no request comes, however long that is.
    config = configuration(engine, keep_alive_s=MOST_KEEP_ALIVE_SECONDS, grace_s=_GRACE_S)
    config.host, config.port = "127.0.0.1", context.port
    server = uvicorn.Server(config)
    Thread(target=_end_with_parent, args=(server,), daemon=True).start()
    server.run()


def _end_with_parent(server: uvicorn.Server) -> None:
    sys.stdin.buffer.read()
    server.should_exit = True


if __name__ == "__main__":
    main()
