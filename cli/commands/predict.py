"""`lading predict`: one prediction, in this process or from a running server."""

import json
import sys
from base64 import b64encode
from codecs import BOM_UTF8
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

from lading.cli.aws.signing import Caller
from lading.cli.calls import HEADERS, call
from lading.cli.errors import EngineNeeded, InputUnreadable, ServerError
from lading.cli.locked import chosen_version
from lading.cli.options import LOCK, Json, Lock
from lading.cli.tables import show_table
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.dialects import plain
from lading.functions.inference.models.onnx_predictor import OnnxPredictor
from lading.functions.inference.models.predictor import with_signature
from lading.functions.inference.tensors import json_values as json_codec
from lading.model_packaging.lock.file import read_lock, version_folder

_SHOWN = 6


def predict(
    name: Annotated[str, typer.Argument(help="The model.")],
    input_: Annotated[
        str,
        typer.Option(
            "--input", "-i", help='JSON file with {"inputs": ...}, or an image; - reads stdin.'
        ),
    ],
    version: Annotated[int | None, typer.Option(min=1, help="A version by its number.")] = None,
    label: Annotated[str | None, typer.Option(help="A version by its label.")] = None,
    signature: Annotated[str, typer.Option(help="A signature by its name.")] = "",
    url: Annotated[
        str | None, typer.Option(help="Ask this server, not the local artifact.")
    ] = None,
    token: Annotated[
        str | None, typer.Option(envvar="LADING_TOKEN", help="Bearer token for --url.")
    ] = None,
    sign: Annotated[
        bool, typer.Option("--sign", help="Sign with AWS credentials, also for a name of your own.")
    ] = False,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Predict with a packaged model.

    Without --url the artifact that the lock names is loaded and run here. Calls to an address of
    API Gateway are signed with AWS credentials, unless there is a token.

    Examples:

        lading predict digits --input examples/digits/sample.json

        lading predict digits -i sample.json --url http://127.0.0.1:8080

        lading predict pets -i cat.jpg

        lading predict digits -i sample.json --url https://ml.example.com --token lading_...

        echo '{"inputs": [[0.5, 1.0]]}' | lading predict mine -i - --json
    """
    if version is not None and label is not None:
        raise typer.BadParameter("give --version or --label, not both")
    if sign and (url is None or token is not None):
        raise typer.BadParameter("--sign is for a --url without --token")
    body = _read(input_)
    if url is not None:
        if version is not None or label is not None or signature:
            raise typer.BadParameter("the server chooses version and signature at /predict")
        answer = _ask(url, name, body, Caller(token, sign))
    else:
        answer = _run(lock, name, chosen_version(lock, name, version, label), body, signature)
    if json_:
        typer.echo(answer.decode())
    else:
        _show(json.loads(answer))


def _read(path: str) -> bytes:
    """A JSON request: the file, or one that holds it; JSON begins with ASCII, an image does not."""
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise InputUnreadable(path, str(error.strerror)) from error
    content = content.removeprefix(BOM_UTF8)  # some editors begin a text with it
    if content[:1].isascii():
        return content
    return json.dumps({"inputs": [{"b64": b64encode(content).decode()}]}).encode()


def _run(lock: Path, name: str, version: int, body: bytes, signature: str) -> bytes:
    digest = read_lock(lock).digests(name)[version]
    artifact = read_artifact(version_folder(lock, name, version), digest)
    if artifact.engine is not None:
        raise EngineNeeded(name, artifact.engine.name)
    predictor = with_signature(OnnxPredictor(artifact, version), signature)
    inputs = plain.decode(json_codec.loads(body), predictor.metadata)
    return plain.encode(predictor.metadata, predictor.predict(inputs))


def _ask(url: str, name: str, body: bytes, caller: Caller) -> bytes:
    address = f"{url.rstrip('/')}/predict/{quote(name, safe='')}"
    reply = call(address, body, caller.headers(address, body, HEADERS))
    if reply.status != HTTPStatus.OK:
        raise ServerError(address, f"{reply.status} {reply.reason()}")
    return reply.body


def _show(answer: dict[str, Any]) -> None:
    """A row for each item of the batch, a column for each output."""
    typer.echo(f"{answer['model']} version {answer['version']}")
    table = Table(box=None, pad_edge=False)
    table.add_column("row", justify="right")
    for output in answer["outputs"]:
        table.add_column(output, justify="right")
    columns = [_items(values) for values in answer["outputs"].values()]
    for number in range(max(map(len, columns), default=0)):
        cells = (column[number] if number < len(column) else "" for column in columns)
        table.add_row(str(number), *(Text(_brief(cell)) for cell in cells))
    show_table(table)


def _items(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]


def _brief(value: Any) -> str:
    """One cell: long vectors are cut, floats rounded."""
    if not isinstance(value, list):
        return f"{value:.4g}" if isinstance(value, float) else str(value)
    if value and isinstance(value[0], list):
        return f"array of {' x '.join(map(str, np.shape(value)))}"
    shown = " ".join(_brief(item) for item in value[:_SHOWN])
    return f"[{shown}{' ...' if len(value) > _SHOWN else ''}]"
