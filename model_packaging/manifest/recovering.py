"""The manifest's key `prune.recover`: the training of a pruned network."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, Strict
from pydantic.dataclasses import dataclass

from lading.model_packaging.manifest.fields import CONFIG, File, Text
from lading.model_packaging.manifest.training import (
    ChannelName,
    Location,
    ParameterName,
    Pattern,
    TrainSpec,
    Value,
)

PRUNED = "pruned"
"""The channel in which the script finds the pruned network."""

_MOST_CHANNELS = 18
"""SageMaker's limit, less the channels of the code and of the pruned network."""


def _other(name: str) -> str:
    if name == PRUNED:
        raise ValueError(f"'{name}' is the channel of the pruned network; choose another name")
    return name


@dataclass(frozen=True, slots=True, config=CONFIG)
class RecoverSpec:
    """The training of a pruned PyTorch network, by a script under the contract of `train`."""

    entry: File
    """The script; SM_CHANNEL_PRUNED has model.pt and masks.pt, and it writes its network to
    SM_MODEL_DIR."""
    channels: Annotated[
        Mapping[Annotated[ChannelName, AfterValidator(_other)], Location],
        Field(max_length=_MOST_CHANNELS),
    ] = Field(default={})
    """The data, by channel: a file, a folder, or s3://bucket/prefix."""
    parameters: Annotated[Mapping[ParameterName, Value], Field(max_length=100)] = Field(default={})
    """The hyperparameters: flags of the script, and SM_HP_<NAME>."""
    metrics: Annotated[Mapping[Text, Pattern], Field(max_length=40)] = Field(default={})
    """Regular expressions that find metrics in the script's output; the last number counts."""
    files: tuple[File, ...] = ()
    """Further files that the script needs, in or below its folder."""
    max_minutes: Annotated[int, Strict(), Field(ge=1, le=40_320)] = 60
    """The longest training."""

    def as_training(self) -> TrainSpec:
        """Return it as a training of this machine."""
        return TrainSpec(
            entry=self.entry,
            channels=self.channels,
            parameters=self.parameters,
            metrics=self.metrics,
            files=self.files,
            max_minutes=self.max_minutes,
        )
