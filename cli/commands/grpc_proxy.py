"""`lading grpc-proxy`: gRPC for a deployed API, which carries none."""

import json
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from lading.cli.aws.signing import Caller
from lading.cli.options import Json
from lading.cli.remote_models import Api, RemoteCatalog
from lading.emulator.grpc_server import serving_grpc
from lading.functions.inference.entry.http_server import Listening, address_of

_LOG = Path(".lading/grpc-proxy.log")
_AT_ONCE = 32
"""Calls that wait for the API; they take no processor meanwhile."""


def grpc_proxy(
    target: Annotated[str, typer.Option(help="Base URL of the API: the stack's output ApiUrl.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8001,
    token: Annotated[
        str | None, typer.Option(envvar="LADING_TOKEN", help="Bearer token for the API.")
    ] = None,
    sign: Annotated[
        bool, typer.Option("--sign", help="Sign with AWS credentials, also for a name of your own.")
    ] = False,
    log: Annotated[Path, typer.Option(help="A JSON line for each call.")] = _LOG,
    json_: Json = False,
) -> None:
    """Speak gRPC to clients on this machine, and HTTPS to a deployed API.

    API Gateway carries no gRPC. Clients of Triton, KServe and TensorFlow Serving connect here,
    without TLS; each call goes to the API as one signed request, and its answer back. Run it beside
    the client, since whoever can connect calls with your token or credentials.

    Examples:

        lading grpc-proxy --target https://abc123.execute-api.eu-west-1.amazonaws.com/prod

        lading grpc-proxy --target https://ml.example.com --token lading_... --port 8500
    """
    if sign and token is not None:
        raise typer.BadParameter("give --token or --sign, not both")
    catalog = RemoteCatalog(Api(target, Caller(token, sign)))
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    with serving_grpc(catalog, Listening(host, port), log=log, at_once=_AT_ONCE) as bound:
        address = address_of(host, bound)
        shown = json.dumps({"grpc": address, "target": target, "log": str(log)})
        typer.echo(shown if json_ else f"{address}  (gRPC to {target}; Ctrl-C stops)")
        stopped.wait()
