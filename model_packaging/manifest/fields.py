"""Types of the manifest's values, shared by its keys."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    WrapSerializer,
)

CONFIG = ConfigDict(
    extra="forbid", use_attribute_docstrings=True, validate_by_name=True, validate_by_alias=True
)
"""Of every mapping of the manifest: unknown keys are errors."""


def below(value: Any, info: ValidationInfo) -> Any:
    """Return the path of a file below the manifest's folder."""
    if not isinstance(value, str):
        return value
    if not value:
        raise ValueError("must have at least 1 character")
    return Path((info.context or {}).get("folder", "")) / value


def _pairs(value: Mapping[str, Any], handler: SerializerFunctionWrapHandler) -> list[Any]:
    return [list(item) for item in handler(value).items()]


def unique(names: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a list that has a name twice."""
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ValueError(f"names '{min(repeated)}' twice")
    return names


def one_or_more(value: Any) -> Any:
    """Accept one value instead of a list of one, and no empty list."""
    if value == []:
        raise ValueError("must have at least 1 item")
    return value if isinstance(value, list | tuple) else [value]


Text = Annotated[str, Field(min_length=1)]
File = Annotated[
    Path, BeforeValidator(below, json_schema_input_type=Text), PlainSerializer(lambda _: "file")
]
"""A file below the manifest's folder; in the identity, its digest stands for it."""

Ordered = WrapSerializer(_pairs)
"""Of a mapping whose order matters: canonical JSON sorts keys, but not the items of a list."""
