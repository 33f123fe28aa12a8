"""A module that is imported when something of it is first used.

Mangum imports asyncio, which brings ssl, subprocess and socket: a third of what the service adds to
a cold start. On Lambda nothing uses it, since the handler runs the application itself.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


def import_later(name: str) -> None:
    """Let `import name` give a stand-in until something of the module is used.

    It does nothing if the module is imported already. (`importlib.util.LazyLoader` does not help:
    the second `import` of a module looks at its `__spec__`, which loads it.)
    """
    if name not in sys.modules:
        sys.modules[name] = _StandIn(name)


class _StandIn(ModuleType):
    """Gives every attribute of the module, which it imports in its place at the first of them."""

    def __getattr__(self, attribute: str) -> Any:
        name = self.__name__
        if sys.modules.get(name) is self:
            del sys.modules[name]
        return getattr(import_module(name), attribute)
