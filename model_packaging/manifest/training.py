"""The manifest's key `train`: how a model comes to be."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    Strict,
    StrictBool,
    ValidationInfo,
    model_validator,
)
from pydantic.dataclasses import dataclass

from lading.model_packaging.manifest.fields import CONFIG, File, Text, below
from lading.model_packaging.manifest.schedules import schedule

OWN_CHANNEL = "code"
"""The channel in which a script itself reaches a training job."""

_MOST_CHANNELS = 19
_MOST_PARAMETERS = 100
_MOST_METRICS = 40
_LONGEST_KEY = 256
_LONGEST_VALUE = 2500
"""SageMaker's limits; one channel holds the code."""

_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/\S*)?")

Scalar = bool | int | float | str


def _location(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, str) or not value.startswith("s3://"):
        return below(value, info)
    if not _BUCKET.fullmatch(value):
        raise ValueError(f"must be a file, a folder, or s3://bucket/prefix, not '{value}'")
    return value


def _channel(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name):
        raise ValueError(f"must be 1 to 64 letters, digits, '.', '_' or '-', not '{name}'")
    if name == OWN_CHANNEL:
        raise ValueError(f"'{name}' is the channel of the script itself; choose another name")
    return name


def _parameter(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z][\w-]*", name, re.ASCII) or len(name) > _LONGEST_KEY:
        raise ValueError(
            f"must start with a letter, then letters, digits, '_' or '-', at most {_LONGEST_KEY}, "
            f"not '{name}'"
        )
    return name


def _scalar(value: Any) -> Any:
    if not isinstance(value, Scalar) or value in (float("inf"), -float("inf")) or value != value:  # noqa: PLR0124 - NaN
        raise ValueError("must be a number, a text, true or false")
    if len(str(value)) > _LONGEST_VALUE:
        raise ValueError(f"must have at most {_LONGEST_VALUE} characters")
    return value


def _pattern(text: str) -> str:
    try:
        groups = re.compile(text).groups
    except re.error as error:
        raise ValueError(f"must be a regular expression: {error}") from None
    if groups != 1:
        raise ValueError(f"must have one group for the number, such as auc=([0-9.]+), not {groups}")
    return text


def _instance(text: str) -> str:
    if not re.fullmatch(r"ml\.[a-z0-9-]+\.[a-z0-9]+", text):
        raise ValueError(f"must be an instance type such as ml.m5.xlarge, not '{text}'")
    return text


def _alarm(text: str) -> str:
    if not re.fullmatch(r"[\x20-\x7e]{1,255}", text):
        raise ValueError(
            f"must be the name of a CloudWatch alarm, 1 to 255 characters, not '{text}'"
        )
    return text


_SCALARS = Field(json_schema_extra={"type": ["boolean", "number", "string"]})
Value = Annotated[Any, AfterValidator(_scalar), _SCALARS]
ParameterName = Annotated[str, AfterValidator(_parameter)]
ChannelName = Annotated[str, AfterValidator(_channel)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Location = Annotated[
    Path | str,
    BeforeValidator(_location, json_schema_input_type=Text),
    PlainSerializer(lambda value: value if isinstance(value, str) else "file"),
]
"""A file or folder below the manifest's folder, or the address of objects in S3."""


@dataclass(frozen=True, slots=True, config=CONFIG)
class SearchRange:
    """The values that a search may try for one parameter."""

    low: Annotated[float | int | None, Field(allow_inf_nan=False)] = None
    """The smallest number."""
    high: Annotated[float | int | None, Field(allow_inf_nan=False)] = None
    """The largest number."""
    log: StrictBool = False
    """Whether to spread trials over orders of magnitude."""
    values: Annotated[tuple[Value, ...], Field(max_length=30)] = ()
    """Instead of low and high: the values to choose from."""

    @property
    def whole(self) -> bool:
        """Whether the numbers are whole: low and high are."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.values:
            if self.low is not None or self.high is not None or self.log:
                raise ValueError("must have either values, or low and high")
            return self
        if self.low is None or self.high is None or self.low >= self.high:
            raise ValueError("must have low and high, with low below high, or values")
        if self.log and self.low <= 0:
            raise ValueError("must have low above 0 with log")
        return self


def _range(value: Any) -> Any:
    """Accept a list as the values to choose from."""
    return {"values": value} if isinstance(value, list | tuple) else value


Range = Annotated[
    SearchRange, BeforeValidator(_range, json_schema_input_type=list[Scalar] | SearchRange)
]


@dataclass(frozen=True, slots=True, config=CONFIG)
class SearchSpec:
    """A search for the best parameters."""

    ranges: Annotated[Mapping[ParameterName, Range], Field(min_length=1, max_length=30)]
    """The parameters to vary: {low: 1, high: 9}, or a list of values."""
    trials: Annotated[int, Strict(), Field(ge=1, le=1000)]
    """The number of trainings."""
    metric: Text
    """The metric of train.metrics to improve."""
    goal: Literal["maximize", "minimize"] = "maximize"
    """Whether a higher or a lower metric is better."""
    parallel: Annotated[int, Strict(), Field(ge=1, le=100)] = 1
    """Trainings at the same time, in SageMaker; with more, each knows less of the others."""


@dataclass(frozen=True, slots=True, config=CONFIG)
class TrainSpec:
    """The training of a model: a script under the contract of SageMaker's training containers."""

    entry: File
    """The script, of any framework; its folder is the root of its own imports."""
    channels: Annotated[Mapping[ChannelName, Location], Field(max_length=_MOST_CHANNELS)] = Field(
        default={}
    )
    """The data, by channel: a file, a folder, or s3://bucket/prefix; SM_CHANNEL_<NAME> is its
    folder in the script."""
    parameters: Annotated[Mapping[ParameterName, Value], Field(max_length=_MOST_PARAMETERS)] = (
        Field(default={})
    )
    """The hyperparameters: flags of the script, and SM_HP_<NAME>; `seed` is recorded as the
    seed."""
    metrics: Annotated[Mapping[Text, Pattern], Field(max_length=_MOST_METRICS)] = Field(default={})
    """Regular expressions that find metrics in the script's output; the last number counts."""
    files: tuple[File, ...] = ()
    """Further files that the script needs, in or below its folder, besides the modules that it
    imports."""
    instance: Annotated[str, AfterValidator(_instance)] = "ml.m5.xlarge"
    """SageMaker's instance type."""
    image: Text | None = None
    """The URI of the container image in SageMaker, with Python and the framework; {region} in it
    becomes the region."""
    spot: StrictBool = False
    """Train on spot instances in SageMaker: cheaper, and continued from the checkpoints in
    SM_CHECKPOINT_DIR after an interruption."""
    volume_gb: Annotated[int, Strict(), Field(ge=1, le=16_384)] = 30
    """The disk of the instance, in GB."""
    max_minutes: Annotated[int, Strict(), Field(ge=1, le=40_320)] = 60
    """The longest training, here and in SageMaker; for a search, of each trial."""
    schedule: Annotated[str | None, AfterValidator(lambda text: text and schedule(text))] = None
    """When the cloud trains again, such as rate(7 days) or cron(0 3 ? * MON *), in UTC."""
    on: Literal["drift"] | None = None
    """drift: the cloud trains again when the alarm in `alarm` goes off."""
    alarm: Annotated[str | None, AfterValidator(lambda text: text and _alarm(text))] = None
    """The name of the CloudWatch alarm that on: drift waits for."""
    search: SearchSpec | None = None
    """A search for the best parameters."""

    @property
    def retrains(self) -> bool:
        """Whether the cloud trains it again by itself."""
        return self.schedule is not None or self.on is not None

    @model_validator(mode="after")
    def _alarmed(self) -> Self:
        if (self.on is None) != (self.alarm is None):
            missing = "alarm, the name of a CloudWatch alarm," if self.on else "on: drift"
            raise ValueError(f"needs {missing} beside {'on' if self.on else 'alarm'}")
        return self

    @model_validator(mode="after")
    def _searchable(self) -> Self:
        if self.search is None:
            return self
        if self.search.metric not in self.metrics:
            raise ValueError(f"search needs '{self.search.metric}' among its metrics")
        both = sorted(set(self.search.ranges) & set(self.parameters))
        if both:
            raise ValueError(f"has '{both[0]}' in parameters and in search.ranges; remove one")
        return self


TRAINED = Path(".lading/training")
"""Beside the manifest: the folder of trainings; in it one for each model."""
