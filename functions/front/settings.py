"""The front function's settings: the one place that reads its environment."""

from collections.abc import Mapping
from dataclasses import dataclass

from functions.inference.contract import FRONT


@dataclass(frozen=True, slots=True)
class Settings:
    """Which models there are, and which function answers for each.

    Args:
        functions: model -> name of its function.
        alias: what of the function is called.
    """

    functions: Mapping[str, str]
    alias: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Settings from variables named in `contract.FRONT`."""
        prefix = environment[FRONT.prefix]
        entries = (entry for entry in environment[FRONT.models].split(",") if entry)
        pairs = (entry.partition("=") for entry in entries)
        functions = {name: f"{prefix}{suffix or name}" for name, _, suffix in pairs}
        return cls(functions, environment[FRONT.alias])
