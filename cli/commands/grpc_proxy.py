"""`lading grpc-proxy`: gRPC in front of a deployed API, which does not support it."""

import json
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from lading.api.caller import Caller
from lading.api.remote_models import Api, RemoteCatalog
from lading.cli.options import Json, Sign, Token
from lading.emulator.grpc_server import serving_grpc
from lading.functions.inference.entry.http_server import Listening, address_of

_LOG = Path(".lading/grpc-proxy.log")
_AT_ONCE = 32
"""Concurrent calls; they wait for the API, and use no processor meanwhile."""
_LOOK_S = 1.0


def grpc_proxy(
    target: Annotated[str, typer.Option(help="URL of the API: the stack's output ApiUrl.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 chooses a free one.")] = 8001,
    token: Token = None,
    sign: Sign = False,
    log: Annotated[Path, typer.Option(help="File with a JSON line for each call.")] = _LOG,
    json_: Json = False,
) -> None:
    """Serve gRPC on this machine, and forward each call to a deployed API over HTTPS.

    API Gateway does not support gRPC. Clients of Triton, KServe and TensorFlow Serving connect here
    without TLS; each call becomes one signed request to the API. Run it on the client's machine:
    everyone who can connect calls with your token or credentials.

    Examples:

        lading grpc-proxy --target https://abc123.execute-api.eu-west-1.amazonaws.com/prod

        lading grpc-proxy --target https://ml.example.com --token lading_... --port 8500
    """
    if sign and token is not None:
        raise typer.BadParameter("give either --token or --sign")
    catalog = RemoteCatalog(Api(target, Caller(token, sign)))
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    with serving_grpc(catalog, Listening(host, port), log=log, at_once=_AT_ONCE) as bound:
        address = address_of(host, bound)
        shown = json.dumps({"grpc": address, "target": target, "log": str(log)})
        typer.echo(shown if json_ else f"{address}  (gRPC to {target}; Ctrl-C stops)")
        # Threads compete for the interpreter: a signal may come just before the wait, and would
        # then not end it.
        while not stopped.wait(_LOOK_S):
            pass
