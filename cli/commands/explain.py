"""`lading explain`: why a model answers as it does, by this process or by a server."""

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from lading.api.caller import Caller
from lading.api.locked import chosen_version, open_locked
from lading.cli.errors import Unwritable
from lading.cli.model_requests import INPUT, ask_server, read_request
from lading.cli.options import LOCK, Json, Lock, Name, Sign, Token
from lading.cli.tables import show_table
from lading.functions.inference.dialects import plain
from lading.functions.inference.explaining.asking import explained
from lading.functions.inference.models.predictor import EXPLAIN_PARAMETERS, EXPLANATION
from lading.functions.inference.tensors import json_values

_TOP: Final = 10
_LONGEST: Final = 24

_Item = tuple[str, Any, float, float | None]
"""A feature, its value in the row, its contribution and the standard error of that."""


def explain(
    name: Name,
    input_: Annotated[str, INPUT],
    target: Annotated[
        int | None, typer.Option(min=0, help="Place of the value to explain; else the highest.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Features or tokens to show of each row.")] = _TOP,
    output: Annotated[
        Path | None, typer.Option(help="PNG file for the heat map of an image.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the random orders of features.")] = 0,
    version: Annotated[int | None, typer.Option(min=1, help="Default: the stable one.")] = None,
    label: Annotated[str | None, typer.Option(help="The version with this label.")] = None,
    url: Annotated[str | None, typer.Option(help="Call this API, not the local artifact.")] = None,
    token: Token = None,
    sign: Sign = False,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Explain the answers of a packaged model, whose manifest has explain: true.

    Rows get Shapley values with standard errors; images and texts show what the answer loses
    without a part of them.

    Examples:

        lading explain digits --input examples/digits/sample.json

        lading explain pets -i cat.jpg --output why.png

        lading explain churn -i rows.json --target 1 --json

        lading explain digits -i sample.json --url https://ml.example.com
    """
    if version is not None and label is not None:
        raise typer.BadParameter("give either --version or --label")
    if sign and (url is None or token is not None):
        raise typer.BadParameter("--sign needs --url, and no --token")
    if url is not None and (version is not None or label is not None):
        raise typer.BadParameter("--url allows no --version or --label")
    body = read_request(input_)
    parameters = {"seed": seed, **({} if target is None else {"target": target})}
    if url is not None:
        stated = json_values.loads_object(body, exactly=True)
        request = json.dumps({**stated, EXPLAIN_PARAMETERS: parameters}).encode()
        answer = json.loads(ask_server(url, "explain", name, request, Caller(token, sign)))
    else:
        found = chosen_version(lock, name, version, label)
        answer = _run(lock, name, found, body, parameters)
    if output is not None:
        _draw(output, answer["explanations"])
    if json_:
        typer.echo(json.dumps(answer))
    else:
        _show(answer, json.loads(body)["inputs"], top)


def _run(
    lock: Path, name: str, version: int, body: bytes, parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a server answers to `POST /explain/{name}`; there is time as in a job."""
    model = explained(open_locked(lock, name, version), parameters, {}, in_job=True)
    inputs = plain.decode(json_values.loads(body), model.metadata)
    outputs = model.predict(inputs)
    documents = [json.loads(text) for text in outputs.pop(EXPLANATION)]
    answer: dict[str, Any] = json.loads(plain.encode(model.metadata, outputs))
    return {**answer, "explanations": documents}


def _draw(path: Path, explanations: list[Any]) -> None:
    """Write the heat map of each image: to the path, or to numbered ones if there are several."""
    if any("heat_map" not in each for each in explanations):
        raise typer.BadParameter("--output is for images; this model explains columns or tokens")
    for row, each in enumerate(explanations):
        single = len(explanations) == 1
        place = path if single else path.with_name(f"{path.stem}-{row}{path.suffix}")
        try:
            place.write_bytes(b64decode(each["heat_map"]["b64"]))
        except OSError as error:
            raise Unwritable(place, error) from error
        typer.echo(f"wrote {place}", err=True)


def _show(answer: Mapping[str, Any], inputs: Any, top: int) -> None:
    """Print for each row what was explained, and the features that count most."""
    typer.echo(f"{answer['model']} version {answer['version']}")
    for row, told in enumerate(answer["explanations"]):
        base = f", base value {told['base_value']:.4g}" if "base_value" in told else ""
        what = f"{told['output']}[{told['target']}] is {told['prediction']:.4g}{base}"
        typer.echo(f"\nrow {row}: {what} ({told['method']}, {told['evaluations']:,} evaluations)")
        items = sorted(_items(told, inputs, row), key=lambda item: -abs(item[2]))
        errors = any(error for *_, error in items)
        headings = ("feature", "is", "contributes", *(["standard error"] if errors else []))
        cells = [
            [name, _brief(value), f"{part:+.4g}", *([f"{error or 0:.2g}"] if errors else [])]
            for name, value, part, error in items[:top]
        ]
        show_table(headings, cells, right=headings[2:])
        if len(items) > top:
            typer.echo(f"and {len(items) - top} more (--top)")


def _items(told: Mapping[str, Any], inputs: Any, row: int) -> Iterator[_Item]:
    if "features" in told:
        for name, each in told["features"].items():
            yield name, "", each["value"], each["standard_error"]
        return
    for name, values in told["values"].items():
        given = inputs[name] if isinstance(inputs, dict) and name in inputs else inputs
        if "heat_map" in told:
            yield from _patches(values)
        elif told["method"] == "occlusion":
            for each in values:
                yield each["token"], f"at {each['start']}", each["value"], None
        else:
            yield from _columns(name, values, told["standard_error"][name], given[row])


def _patches(grid: list[list[float]]) -> Iterator[_Item]:
    for down, line in enumerate(grid):
        for across, value in enumerate(line):
            yield f"patch {down}, {across}", "", value, None


def _columns(name: str, values: Any, errors: Any, given: Any) -> Iterator[_Item]:
    if not isinstance(values, list):
        yield name, given, values, errors
        return
    columns = zip(_flat(values), _flat(errors), _flat(given), strict=True)
    for at, (value, error, each) in enumerate(columns):
        yield f"{name}[{at}]", each, value, error


def _flat(values: Any) -> list[Any]:
    while values and isinstance(values[0], list):
        values = list(chain.from_iterable(values))
    return list(values)


def _brief(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
