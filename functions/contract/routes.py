"""Finds the dialect and the route of a path, and the model that the path names.

Routes are templates below a base URL. Every model has its own base URL, `/{model}`, and the
root of the API is the base URL of all models together. Where two dialects claim a path, one of
them owns it and answers for both: docs/adr/0021.
"""

from types import MappingProxyType
from typing import Final

from lading.functions.contract.dialects import DIALECTS
from lading.functions.contract.dialects.dialect import Dialect, Route, refuse_plainly, split_path
from lading.functions.contract.dialects.plain import PLAIN
from lading.functions.contract.errors import MethodNotAllowed, RouteNotFound

CONTROL: Final = Dialect(
    name="control",
    prefixes=("/", "/models", "/openapi.json"),
    routes=(
        Route("list", "GET", "/", at_root="models"),
        Route("list", "GET", "/models", at_root="models"),
        Route("describe", "GET", "/models/{model}"),
        Route("form", "GET", "/models/{model}/form"),
        Route("openapi", "GET", "/openapi.json", at_root="first"),
    ),
    refuse=refuse_plainly,
)
"""The control plane: descriptions of models, and the OpenAPI document; it predicts nothing."""

_ALL = (*DIALECTS, CONTROL)

_OWNERS = MappingProxyType(
    {split_path(prefix): dialect for dialect in _ALL for prefix in dialect.prefixes}
)
"""First segment, or first two -> the dialect that owns what is below; two go before one."""

_OF_SERVERS = ("docs", "health", "jobs", "metrics", "redoc", "ui")
"""First segments at which a server answers by itself, or may do so in a later version."""

RESERVED_NAMES: Final = frozenset({*(segments[0] for segments in _OWNERS), *_OF_SERVERS} - {""})
"""First segments of root paths; a model of such a name would hide them."""


def dialect_of(segments: tuple[str, ...]) -> Dialect:
    """Return the dialect that owns a path, and answers there also where it has no route.

    >>> dialect_of(("v2", "health", "live")).name
    'open_inference'
    """
    return _OWNERS.get(segments[:2]) or _OWNERS.get(segments[:1], PLAIN)


def find_route(
    dialect: Dialect, method: str, path: str, segments: tuple[str, ...]
) -> tuple[Route, dict[str, str]]:
    """Return the route for a method at a path, which has these segments, and the path's parameters.

    Raises:
        RouteNotFound: the dialect has no route there.
        MethodNotAllowed: its routes there are for other methods.
    """
    wanted = "GET" if method == "HEAD" else method
    allowed = set()
    for route in dialect.routes:
        parameters = route.match(segments)
        if parameters is not None:
            if route.method == wanted:
                return route, parameters
            allowed.add(route.method)
    if allowed:
        raise MethodNotAllowed(method, path, allowed)
    raise RouteNotFound(method, path)


def named_model(path: str) -> str:
    """Return the model that a path below the API's root names; empty when it names none.

    >>> named_model("/digits/predict"), named_model("/v1/models/digits:predict")
    ('digits', 'digits')
    >>> named_model("/v2/health/ready")
    ''
    """
    segments = split_path(path)
    if segments[0] and segments[0] not in RESERVED_NAMES:
        return segments[0]
    matches = (route.match(segments) for route in dialect_of(segments).routes)
    return next((match.get("model", "") for match in matches if match is not None), "")


def root_paths() -> tuple[str, ...]:
    """Return the REST API's resources for paths below no model's base URL, sorted.

    Each first segment of a route is one; `/{proxy+}` below it stands for all longer routes.
    """
    templates = {route.template for dialect in _ALL for route in dialect.routes}
    first = {f"/{split_path(template)[0]}" for template in templates}
    longer = {f"/{split_path(it)[0]}/{{proxy+}}" for it in templates if len(split_path(it)) > 1}
    return tuple(sorted(first | longer))
