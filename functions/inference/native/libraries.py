"""The libraries of the runtimes of models that are not converted.

This module imports none of them.
"""

from collections.abc import Mapping
from types import MappingProxyType

from lading.functions.contract.names import Library

LIBRARIES: Mapping[str, Library] = MappingProxyType(
    {"lightgbm": "lightgbm", "litert": "litert", "skops": "skops", "xgboost": "xgboost"}
)
"""Runtime, which is a module of this package -> the library that it needs."""
