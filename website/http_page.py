"""The reference of HTTP, from the records of the dialects."""

from collections.abc import Iterator

from lading.functions.contract.dialects import DIALECTS
from lading.functions.contract.dialects.dialect import FEATURES, MODEL, TENSORS, VALUES, Dialect
from website.markdown import code, json_block, table, text

_SHOWN = {
    VALUES: [[5.1, 3.5, 1.4, 0.2]],
    TENSORS: [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [5.1, 3.5, 1.4, 0.2]}],
    FEATURES: [{"x": [5.1, 3.5, 1.4, 0.2]}],
    MODEL: "digits",
}
"""What the placeholders of an example stand for on this page."""

_HEAD = """# HTTP

Every model answers in every dialect, at the root and below its base URL `/{model}`. This page lists
the routes of all. `/docs` of a server shows them with the inputs of its own models, and
`/openapi.json` describes them.
"""


def http_page() -> str:
    """Return the page of every dialect's routes, with an example of a request and its answer."""
    return "\n".join([_HEAD, *(_section(each) for each in DIALECTS if each.routes)])


def _section(dialect: Dialect) -> str:
    rows = [
        [code(route.method), code(route.template), text(route.summary)]
        for route in dialect.routes
        if route.summary
    ]
    head = f"## {dialect.title or dialect.name}\n"
    return "\n".join([head, table(["method", "path", ""], rows), *_examples(dialect)])


def _examples(dialect: Dialect) -> Iterator[str]:
    for operation in dialect.asking:
        route = next(each for each in dialect.routes if each.operation == operation)
        yield f"A request to {code(route.template)}:\n\n{json_block(_filled(route.example))}"
        if route.answer is not None:
            yield f"and its answer:\n\n{json_block(route.answer)}"


def _filled(example: object) -> object:
    """Return an example with values in the place of its placeholders."""
    if isinstance(example, dict):
        return {key: _filled(each) for key, each in example.items()}
    if isinstance(example, list):
        return [_filled(each) for each in example]
    return _SHOWN.get(example, example) if isinstance(example, str) else example
