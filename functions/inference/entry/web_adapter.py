"""The service behind the Lambda Web Adapter: the same application under uvicorn, which can stream.

Neither Lambda's Python runtime nor Mangum can stream answers. `serve.sh`, the function's handler,
runs this module; the adapter, an extension in a layer, turns invocations into HTTP requests to it.
One environment answers one request at a time, as with any function.
"""

from typing import Any

import orjson
import uvicorn

from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.entry.container_settings import AdapterSettings
from lading.functions.inference.entry.http_server import KEEP_ALIVE_SECONDS
from lading.functions.inference.entry.mounted import create_service
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.wire.asgi import App, Receive, Scope, Send
from lading.functions.inference.wire.messages import read_headers

_CONTEXT = "x-amzn-request-context"


def create_adapted(settings: ServingSettings, context: AdapterSettings) -> App:
    """Return the application, whose log lines name the function of `context`."""
    observability = Observability(settings)
    observability.write_libraries()
    served = create_service(settings, threads=1, observability=observability)

    async def adapted(scope: Scope, receive: Receive, send: Send) -> None:
        scope["aws.context"] = context
        scope["aws.event"] = {"requestContext": _request_context(scope)}
        await served(scope, receive, send)

    return adapted


def _request_context(scope: Scope) -> dict[str, Any]:
    """Return API Gateway's context of a request, which the adapter writes over a caller's own."""
    try:
        found = orjson.loads(read_headers(scope["headers"]).get(_CONTEXT, "{}"))
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def main() -> None:
    """Serve until Lambda ends the environment."""
    settings = AdapterSettings.from_environment()
    uvicorn.run(
        create_adapted(ServingSettings.from_environment(), settings),
        host="127.0.0.1",
        port=settings.port,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )


if __name__ == "__main__":
    main()
