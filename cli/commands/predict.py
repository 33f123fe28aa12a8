"""`lading predict`: one prediction, by this process or by a server."""

import json
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from lading.cli.aws.signing import Caller
from lading.cli.locked import chosen_version
from lading.cli.model_requests import INPUT, ask_server, open_locked, read_request
from lading.cli.options import LOCK, Json, Lock, Name, Sign, Token
from lading.cli.tables import show_table
from lading.functions.inference.dialects import plain
from lading.functions.inference.models.predictor import with_signature
from lading.functions.inference.tensors import json_values as json_codec

_SHOWN = 6


def predict(
    name: Name,
    input_: Annotated[str, INPUT],
    version: Annotated[int | None, typer.Option(min=1, help="Default: the stable one.")] = None,
    label: Annotated[str | None, typer.Option(help="The version with this label.")] = None,
    signature: Annotated[str, typer.Option(help="One of its signatures.")] = "",
    url: Annotated[str | None, typer.Option(help="Call this API, not the local artifact.")] = None,
    token: Token = None,
    sign: Sign = False,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Predict with a packaged model, in this process or by calling an API at --url.

    Calls to a URL of API Gateway are signed with AWS credentials, unless you give a token.

    Examples:

        lading predict digits --input examples/digits/sample.json

        lading predict pets -i cat.jpg

        lading predict digits -i sample.json --url https://ml.example.com

        echo '{"inputs": [[0.5, 1.0]]}' | lading predict mine -i - --json
    """
    chosen = version is not None or label is not None or bool(signature)
    if version is not None and label is not None:
        raise typer.BadParameter("give either --version or --label")
    if sign and (url is None or token is not None):
        raise typer.BadParameter("--sign needs --url, and no --token")
    if url is not None and chosen:
        raise typer.BadParameter("--url allows no --version, --label or --signature")
    body = read_request(input_)
    if url is not None:
        answer = ask_server(url, "predict", name, body, Caller(token, sign))
    else:
        answer = _run(lock, name, chosen_version(lock, name, version, label), body, signature)
    if json_:
        typer.echo(answer.decode())
    else:
        _show(json.loads(answer))


def _run(lock: Path, name: str, version: int, body: bytes, signature: str) -> bytes:
    predictor = with_signature(open_locked(lock, name, version), signature)
    inputs = plain.decode(json_codec.loads(body), predictor.metadata)
    return plain.encode(predictor.metadata, predictor.predict(inputs))


def _show(answer: dict[str, Any]) -> None:
    """Print a row for each item of the batch, and a column for each output."""
    typer.echo(f"{answer['model']} version {answer['version']}")
    columns = [_items(values) for values in answer["outputs"].values()]
    rows = [
        [str(number), *map(_brief, cells)]
        for number, cells in enumerate(zip_longest(*columns, fillvalue=""))
    ]
    headings = ("row", *answer["outputs"])
    show_table(headings, rows, right=headings)


def _items(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]


def _brief(value: Any) -> str:
    """Return the text of a cell: long vectors are cut, floats are rounded."""
    if not isinstance(value, list):
        return f"{value:.4g}" if isinstance(value, float) else str(value)
    if value and isinstance(value[0], list):
        return f"array of {' x '.join(map(str, np.shape(value)))}"
    shown = " ".join(_brief(item) for item in value[:_SHOWN])
    return f"[{shown}{' ...' if len(value) > _SHOWN else ''}]"
