"""The record of a dialect: its routes, what OpenAPI shows of them, and the shape of its errors.

A record is data, so that the router, the front function, the authorizer, the REST API and the
OpenAPI document can all be made from it. The module of the same name in
`functions/inference/dialects/` answers the requests. Named tuples, because they are made
at a cold start in an eighth of the time of dataclasses.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final, Literal, NamedTuple

from lading.functions.contract.errors import InferenceError
from lading.functions.contract.statuses import headers_of, status_of

Json = Mapping[str, Any]

AtRoot = Literal[
    "", "body", "constant", "first", "index", "models", "names", "only", "ping", "ready", "stats"
]
"""How the front function answers a path that names no model; see `functions/front/front.py`."""

Refusal = tuple[int, dict[str, Any], dict[str, str]]
"""The answer to an error: its status, its JSON document and its headers."""

VALUES: Final = "{values}"
TENSORS: Final = "{tensors}"
FEATURES: Final = "{features}"
MODEL: Final = "{model}"
"""Placeholders in an example, for the name and the inputs of a model that is served."""

EXPLANATION: Final[Json] = {
    "method": "shapley_exact",
    "output": "y",
    "target": 1,
    "prediction": 0.75,
    "base_value": 0.5,
    "values": {"x": [0.5, -0.25]},
    "standard_error": {"x": [0.0, 0.0]},
    "evaluations": 201,
}
"""The explanation of one row, in the example of an answer."""

STRING: Final[Json] = {"type": "string"}
OBJECT: Final[Json] = {"type": "object"}
ANY_TENSOR: Final[Json] = {"description": "A value, or nested lists of values"}
"""Schemas of parts of a request's body."""


class Route(NamedTuple):
    """One operation at one path.

    Args:
        operation: name of the operation in the dialect's module.
        method: HTTP's method; GET includes HEAD.
        template: the path below a base URL; `{name}` matches one segment.
        summary: what the operation does, for the OpenAPI document.
        request: JSON schema of the request's body; None where there is no body.
        example: a request's body.
        answer: an answer's body.
        at_root: how the front function answers where `template` names no model.
        in_memory: the answer only reads memory, so it need not wait behind predictions; every GET
            must be so.
        language_model: only language models have it.
    """

    operation: str
    method: str
    template: str
    summary: str = ""
    request: Json | None = None
    example: Any = None
    answer: Any = None
    at_root: AtRoot = ""
    in_memory: bool = False
    language_model: bool = False

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """Return the template's parameters when `segments` fit it, else None."""
        wanted = _template_segments(self.template)
        if len(wanted) != len(segments):
            return None
        parameters = {}
        for want, have in zip(wanted, segments, strict=True):
            if want.startswith("{"):
                if not have:
                    return None
                parameters[want[1:-1]] = have
            elif want != have and not (want[:1] == ":" and want == have.lower()):
                return None
        return parameters


class Dialect(NamedTuple):
    """One way to talk to models.

    Args:
        name: name of the module that implements it.
        prefixes: paths, of one or two segments, below which it answers everything.
        routes: its operations.
        refuse: makes the answer to an error at a path.
        title: its name for people; empty: `name`.
        asking: operations with an example that ask a model for its answer, the usual ones first.
        predicts: whether it asks models at all; else it has no job, and waits before no model.
    """

    name: str
    prefixes: tuple[str, ...]
    routes: tuple[Route, ...]
    refuse: Callable[[InferenceError, str], Refusal]
    title: str = ""
    asking: tuple[str, ...] = ()
    predicts: bool = True


def split_path(path: str) -> tuple[str, ...]:
    """Return the segments of a path; TensorFlow Serving's `:verb` is a separate segment.

    >>> split_path("/v1/models/digits:predict")
    ('v1', 'models', 'digits', ':predict')
    """
    return tuple(path.strip("/").replace(":", "/:").split("/"))


_template_segments = cache(split_path)


def fields(*required: str, **properties: Json) -> dict[str, Any]:
    """Return the schema of a JSON object."""
    return {"type": "object", "properties": properties, "required": list(required)}


def versioned(*routes: Route) -> Iterator[Route]:
    """Yield each route at a model, at one version of it and at one label."""
    for route in routes:
        for at in ("", "/versions/{version}", "/labels/{label}"):
            yield route._replace(template=route.template.replace("{model}", f"{{model}}{at}"))


def refuse_plainly(error: InferenceError, _path: str) -> Refusal:
    """Refuse with `{"error": "..."}` and the status that HTTP has for the error."""
    return status_of(error), {"error": str(error)}, headers_of(error)
