"""`lading predict`: one prediction, by this process or by a server."""

import json
from collections.abc import Sequence
from itertools import zip_longest
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer

from lading.api.answers import Classes
from lading.api.caller import Caller
from lading.api.local_model import LocalModel, load
from lading.api.remote_models import Api, RemoteCatalog
from lading.cli.errors import CliError
from lading.cli.model_requests import ask_server, read_input
from lading.cli.options import LOCK, Json, Lock, Name, Sign, Token
from lading.cli.request_files import Inputs, request_of_arrays, request_of_file, request_of_values
from lading.cli.tables import show_table
from lading.functions.contract.errors import InferenceError
from lading.functions.inference.artifact.specification import Artifact, TensorSpec
from lading.functions.inference.dialects import plain
from lading.functions.inference.health.golden import read_golden
from lading.functions.inference.tensors import json_values as json_codec

_SHOWN = 6
_LONGEST_SHOWN = 300

_INPUT = typer.Option(
    "--input", "-i", help="A request or records in JSON, rows, texts, an image; - is stdin."
)
_SET = typer.Option("--set", help="NAME=VALUE of an input, for one row; repeat for each.")


def predict(
    name: Name,
    input_: Annotated[str, _INPUT] = "",
    set_: Annotated[list[str] | None, _SET] = None,
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

    The input is a file: a request or records in JSON, rows (.csv, .parquet, .jsonl, .npz) with a
    column for each input, texts (.txt, one in each line), or an image. Without one, a local model
    answers an example that packaging has recorded. Calls to a URL of API Gateway are signed with
    AWS credentials, unless you give a token.

    Examples:

        lading predict digits --input examples/digits/sample.json

        lading predict pets -i cat.jpg

        lading predict churn -i customers.csv

        lading predict churn --set age=42 --set city=Oslo

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
    if input_ and set_:
        raise typer.BadParameter("give either --input or --set")
    classes: Classes = {}
    given = _Given(input_, set_ or [])
    if url is not None:
        answer = _call(url, name, given, Caller(token, sign))
        classes = {} if json_ else _remote_classes(url, json.loads(answer), Caller(token, sign))
    else:
        model = load(name, version, label=label, signature=signature, lock=lock)
        answer, classes = _run(model, given)
    if json_:
        typer.echo(answer.decode())
    else:
        _show(json.loads(answer), classes)


class _Given(NamedTuple):
    """What the user gave: a file, or values; nothing for the recorded example."""

    path: str
    values: Sequence[str]

    def request(self, inputs: Inputs) -> bytes:
        """Return the request; empty if nothing was given."""
        if self.values:
            return request_of_values(self.values, inputs())
        if not self.path:
            return b""
        return request_of_file(self.path, read_input(self.path), inputs)


def _run(model: LocalModel, given: _Given) -> tuple[bytes, Classes]:
    body = given.request(lambda: model.inputs) or _example(model.name, model.artifact)
    arrays = plain.decode(json_codec.loads(body), model.metadata)
    return plain.encode(model.metadata, model.run(arrays)), model.classes


def _example(name: str, artifact: Artifact) -> bytes:
    """Return the first golden request, and print it."""
    requests = read_golden(artifact.golden)[0] if artifact.golden else []
    if not requests:
        raise CliError(f"model '{name}' has no recorded example; give --input or --set")
    body = request_of_arrays(requests[0].inputs)
    typer.echo(f"an example that packaging has recorded: {_cut(body.decode())}", err=True)
    return body


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _call(url: str, name: str, given: _Given, caller: Caller) -> bytes:
    def inputs() -> Sequence[TensorSpec]:
        model = RemoteCatalog(Api(url, caller)).model(name)
        return model.predictor(model.default_version()).metadata.inputs

    body = given.request(inputs)
    if not body:
        raise typer.BadParameter("--url needs --input or --set")
    return ask_server(url, "predict", name, body, caller)


def _remote_classes(url: str, answer: dict[str, Any], caller: Caller) -> Classes:
    """Return the classes of scores in an answer, as the API describes its model, if it does."""
    if not any(_has_scores(values) for values in answer["outputs"].values()):
        return {}
    try:
        model = RemoteCatalog(Api(url, caller)).model(answer["model"])
        return model.predictor(answer["version"]).classes
    except (InferenceError, LookupError, TypeError, ValueError):
        return {}


def _has_scores(values: Any) -> bool:
    """Return whether an output has several numbers for a row."""
    first = values[0] if isinstance(values, list) and values else None
    return isinstance(first, list) and len(first) > 1 and isinstance(first[0], float)


def _show(answer: dict[str, Any], classes: Classes) -> None:
    """Print a row for each item of the batch, and a column for each output."""
    typer.echo(f"{answer['model']} version {answer['version']}")
    columns = [
        [_of_classes(each, classes.get(name, ())) for each in _items(values)]
        for name, values in answer["outputs"].items()
    ]
    rows = [
        [str(number), *cells] for number, cells in enumerate(zip_longest(*columns, fillvalue=""))
    ]
    headings = ("row", *answer["outputs"])
    show_table(headings, rows, right=headings)


def _of_classes(value: Any, names: Sequence[str]) -> str:
    """Return the text of a cell: the highest of several named scores first, with their names."""
    if not isinstance(value, list) or len(value) != len(names):
        return _brief(value)
    ranked = sorted(zip(value, names, strict=True), key=lambda each: -(each[0] or 0.0))
    shown = "  ".join(f"{name} {_brief(score)}" for score, name in ranked[:_SHOWN])
    return f"{shown}{' ...' if len(ranked) > _SHOWN else ''}"


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
