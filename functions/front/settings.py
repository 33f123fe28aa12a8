"""The settings of the front function, read from its environment variables here alone."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from lading.functions.contract.names import ENVIRONMENT, FRONT
from lading.functions.contract.origins import read_origins


@dataclass(frozen=True, slots=True)
class FrontSettings:
    """The models and their functions.

    Args:
        functions: model -> name of its function.
        alias: alias of the functions.
        origins: origins whose pages may call from a browser.
        base_path: base path of the API's custom domain.
        checked: the models that the public health check is about; None: there is no such check.
    """

    functions: Mapping[str, str]
    alias: str
    origins: tuple[str, ...] = ()
    base_path: str = ""
    checked: tuple[str, ...] | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "FrontSettings":
        """Settings from variables named in `contract.FRONT`, and two of `contract.ENVIRONMENT`."""
        prefix = environment[FRONT.prefix]
        entries = (entry for entry in environment[FRONT.models].split(",") if entry)
        pairs = (entry.partition("=") for entry in entries)
        functions = {name: f"{prefix}{suffix or name}" for name, _, suffix in pairs}
        origins = read_origins(environment.get(ENVIRONMENT.cors, ""))
        base_path = environment.get(ENVIRONMENT.base_path, "")
        listed = environment.get(FRONT.checked)
        checked = None if listed is None else tuple(it for it in listed.split(",") if it)
        return cls(functions, environment[FRONT.alias], origins, base_path, checked)
