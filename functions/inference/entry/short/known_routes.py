"""The routes that have answered before: a request's target, and which operation answers there.

What a target means is found once, by the application's own functions. The model is not part of
that: it is looked up in the catalog for each request, so that a model that is loaded again, or
unloaded, is seen at once.
"""

from collections.abc import Mapping
from inspect import isgeneratorfunction
from typing import Final, NamedTuple

from lading.functions.contract.dialects.dialect import Dialect, split_path
from lading.functions.contract.routes import find_route
from lading.functions.inference.app.application import find_dialect, split_base
from lading.functions.inference.dialects import find_operations
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.models.call import Operation

MOST_ROUTES: Final = 1024


class KnownRoute(NamedTuple):
    """What a target means.

    Args:
        path: the whole path.
        base: the model whose base URL the path is below; empty at the root.
        below: the path below the base URL.
        dialect: the dialect that owns it.
        operation: what answers there; a generator function, so it waits for nothing.
        parameters: the path's parameters, by name.
    """

    path: str
    base: str
    below: str
    dialect: Dialect
    operation: Operation
    parameters: Mapping[str, str]


class KnownRoutes:
    """At most `MOST_ROUTES` targets of POST; the oldest gives way to a new one.

    Args:
        catalog: the models at the root.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._routes: dict[bytes, KnownRoute] = {}

    def learn(self, path: str) -> None:
        """Remember a path at which a prediction was answered.

        A path that has other spellings is not remembered: with them, one model would fill the room.
        """
        if not path.isascii() or "%" in path or path != f"/{path.strip('/')}":
            return
        served, below = split_base(path, self._catalog)
        segments = split_path(below)
        dialect = find_dialect(segments, served)
        route, parameters = find_route(dialect, "POST", below, segments)
        operation = find_operations(dialect.name)[route.operation]
        if not isgeneratorfunction(operation):
            return
        if len(self._routes) >= MOST_ROUTES:
            del self._routes[next(iter(self._routes))]
        base = "" if served is self._catalog else split_path(path)[0]
        self._routes[path.encode()] = KnownRoute(path, base, below, dialect, operation, parameters)

    def find(self, target: bytes) -> tuple[KnownRoute, Catalog] | None:
        """Return the route of a target and the models there now; None if it is not known."""
        route = self._routes.get(target)
        if route is None:
            return None
        served = self._catalog.below().get(route.base) if route.base else self._catalog
        return None if served is None else (route, served)
