"""The service behind the Lambda Web Adapter: the same app under uvicorn, so that answers stream.

Neither Lambda's Python runtime nor Mangum streams. `serve.sh`, the function's handler, runs this
module; the adapter is an extension in a layer, which turns invocations into HTTP requests to it.
One environment answers one request at a time, as with any function.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import uvicorn

from lading.functions.contract.names import ADAPTER
from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.entry.http_server import KEEP_ALIVE_SECONDS
from lading.functions.inference.entry.mounted import create_service
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.wire.asgi import App, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class AdapterContext:
    """What Lambda tells of the function in its environment; the log reads it as `aws.context`."""

    function_name: str
    function_version: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "AdapterContext":
        """The function that this process is one environment of."""
        name = environment.get("AWS_LAMBDA_FUNCTION_NAME", "")
        return cls(name, environment.get("AWS_LAMBDA_FUNCTION_VERSION", ""))


def create_adapted(settings: ServingSettings, context: AdapterContext) -> App:
    """The app; each request's log line is written before the adapter hears that it has ended."""
    observability = Observability(settings)
    observability.write_libraries()
    served = create_service(settings, threads=1, observability=observability)

    async def adapted(scope: Scope, receive: Receive, send: Send) -> None:
        scope["aws.context"] = context
        await served(scope, receive, send)

    return adapted


def main() -> None:
    """Serve until Lambda ends the environment."""
    uvicorn.run(
        create_adapted(
            ServingSettings.from_environment(os.environ),
            AdapterContext.from_environment(os.environ),
        ),
        host="127.0.0.1",
        port=int(os.environ.get(ADAPTER.port, ADAPTER.default_port)),
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
