"""The manifest's key `explain`: how the model's answers are explained."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, Strict
from pydantic.dataclasses import dataclass

from lading.model_packaging.manifest.fields import CONFIG, File, Text, one_or_more, unique

_Column = Annotated[int, Strict(), Field(ge=0)]
_Columns = Annotated[
    tuple[_Column, ...],
    BeforeValidator(one_or_more, json_schema_input_type=_Column | list[_Column]),
]


def _apart(features: Any) -> Any:
    """Refuse a name or a column that two features have; return the columns of each name."""
    if isinstance(features, tuple):
        return {name: (at,) for at, name in enumerate(unique(features))}
    columns = [column for each in features.values() for column in each]
    repeated = {column for column in columns if columns.count(column) > 1}
    if repeated:
        raise ValueError(f"has column {min(repeated)} twice")
    return features


_Features = Annotated[tuple[Text, ...] | Mapping[Text, _Columns], AfterValidator(_apart)]


@dataclass(frozen=True, slots=True, config=CONFIG)
class ExplainSpec:
    """Explanations of the model's answers."""

    method: Literal["auto", "shapley", "occlusion"] = "auto"
    """shapley: Shapley values of columns; occlusion: of images and texts, by leaving out parts;
    auto: occlusion for images and texts, shapley for everything else."""
    output: Text | None = None
    """The output to explain; by default the first one of floats."""
    budget: Annotated[int, Strict(), Field(ge=100, le=1 << 24)] = 1 << 18
    """The most rows that the model answers to explain one request; in a job, for each row of it."""
    data: File | None = None
    """The file of rows, as accuracy.data, from which the background of Shapley values is chosen; by
    default the held-out rows of accuracy, or else the examples."""
    background: Annotated[int, Strict(), Field(ge=2, le=1000)] = 100
    """The most background rows."""
    features: _Features | None = None
    """Names for the columns of the only input: a list of all of them, or for each name a column or
    a list of columns, which are explained as one feature, such as the codes of one category."""
    grid: Annotated[int, Strict(), Field(ge=2, le=64)] = 14
    """Patches of an image along each axis."""


def _from_flag(value: Any) -> Any:
    if isinstance(value, bool):
        return {} if value else None
    return value


Explain = Annotated[
    ExplainSpec | None, BeforeValidator(_from_flag, json_schema_input_type=bool | ExplainSpec)
]
