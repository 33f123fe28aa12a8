"""The service behind the Lambda Web Adapter: the same application under uvicorn, which can stream.

Neither Lambda's Python runtime nor Mangum can stream answers. `serve.sh`, the function's handler,
runs this module; the adapter, an extension in a layer, turns invocations into HTTP requests to it.
One environment answers one request at a time, as with any function; on Lambda Managed Instances as
many as the function's configuration allows.

Some requests come from the adapter itself. Those without a context of API Gateway are checks of
readiness and, with SnapStart, a hook before the snapshot and one after each restore; a failure ends
Lambda's phase. Events that are no HTTP requests have the context `null`. All are answered here, so
that they are neither logged nor counted as requests.
Source: https://aws.github.io/aws-lambda-web-adapter/features/snapstart.html
"""

import random
from collections.abc import Callable
from typing import Any

import orjson
import uvicorn

from lading.functions.contract.invocation import answer_warm_up, path_below
from lading.functions.contract.names import ADAPTER
from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.app.application import Answerer
from lading.functions.inference.entry.adapter_settings import AdapterSettings
from lading.functions.inference.entry.keep_alive import KEEP_ALIVE_SECONDS
from lading.functions.inference.entry.mounted import create_service
from lading.functions.inference.entry.warm_up import warm_up_for_snapshot
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.wire.asgi import App, Receive, Scope, Send
from lading.functions.inference.wire.messages import Response, read_headers
from lading.functions.inference.wire.sending import start_message

_NO_REQUEST = "null"
_EVENTS = ("POST", "/events")
_LONGEST_EVENT = 1 << 16


def create_adapted(
    settings: ServingSettings,
    context: AdapterSettings,
    loaded: Callable[[Catalog], object] = lambda _: None,
    limited: Callable[[Answerer], Answerer] = lambda respond: respond,
) -> App:
    """Return the application, whose log lines name the function of `context`.

    Args:
        settings: what to serve.
        context: the function, and how many requests it answers at once.
        loaded: see `create_service`.
        limited: see `create_service`.
    """
    observability = Observability(settings)
    observability.write_libraries()
    catalogs: list[Catalog] = []

    def keep(catalog: Catalog) -> None:
        catalogs.append(catalog)
        loaded(catalog)

    served = create_service(
        settings, threads=context.at_once, observability=observability, loaded=keep, limited=limited
    )
    hooks: dict[tuple[str, str], Callable[[], object]] = {
        ("GET", ADAPTER.ready_path): lambda: None,
        ("POST", ADAPTER.before_snapshot_path): lambda: warm_up_for_snapshot(catalogs[0]),
        # All environments would pause alike before they call an endpoint again.
        ("POST", ADAPTER.after_restore_path): random.seed,
    }

    async def adapted(scope: Scope, receive: Receive, send: Send) -> None:
        asked, gateway = (scope["method"], scope["path"]), _gateway(scope)
        if gateway is None and asked in hooks:
            hooks[asked]()
            await _send(Response(200, b"{}"), send)
        elif gateway == _NO_REQUEST and asked == _EVENTS:
            await _send(await _answer_event(receive, observability), send)
        else:
            scope["path"] = path_below(scope["path"], settings.base_path)
            scope["aws.context"] = context
            scope["aws.event"] = {"requestContext": _object(gateway or "")}
            await served(scope, receive, send)

    return adapted


def _gateway(scope: Scope) -> str | None:
    """Return API Gateway's context of a request, which the adapter writes over a caller's own."""
    found: str | None = read_headers(scope["headers"]).get(ADAPTER.context_header)
    return found


def _object(text: str) -> dict[str, Any]:
    """Return the JSON object in a text; an empty one if there is none."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


async def _answer_event(receive: Receive, observability: Observability) -> Response:
    """Answer an event that is no HTTP request; only a warm-up is one that the service knows."""
    try:
        warm = answer_warm_up(_object(await _read_event(receive)))
    except ValueError as error:
        return Response(400, orjson.dumps({"error": str(error)}))
    observability.note_warm_up()
    return Response(200, orjson.dumps(warm))


async def _read_event(receive: Receive) -> str:
    """Return the text of an event; an empty one if it is too long for a warm-up."""
    body, more = b"", True
    while more and len(body) <= _LONGEST_EVENT:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return "" if len(body) > _LONGEST_EVENT else body.decode(errors="replace")


async def _send(response: Response, send: Send) -> None:
    await send(start_message(response, {"content-length": str(len(response.body))}))
    await send({"type": "http.response.body", "body": response.body})


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
