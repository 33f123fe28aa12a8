"""Lading: a trained model becomes an HTTPS endpoint on AWS.

The names of the Python API are imported when they are first used (docs/python.md).
"""

from importlib import import_module

_OFFERED = {
    "package": "package",
    "load": "local_model",
    "serve": "serving",
    "report": "reports",
    "Client": "client",
    "AsyncClient": "async_client",
    "Retries": "retrying",
    "Answer": "answers",
    "LadingError": "errors",
}
"""Name -> the module below `lading.api` that has it."""

__all__ = [*_OFFERED]  # noqa: PLE0604 they are texts


def __getattr__(name: str) -> object:
    if name not in _OFFERED:
        raise AttributeError(f"module 'lading' has no attribute '{name}'")
    return getattr(import_module(f"lading.api.{_OFFERED[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_OFFERED})
