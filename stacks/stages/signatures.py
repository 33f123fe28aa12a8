"""Which signatures of models a stage accepts."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from lading.model_packaging.errors import PackagingError
from lading.model_packaging.signing.trust import Mode, Trust, read_trust
from lading.stacks.errors import SettingsError
from lading.stacks.stages.sagemaker import StageEntry


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _off(value: object) -> object:
    """Read what YAML makes of a bare `off`."""
    return "off" if value is False else value


class SignatureSettings(StageEntry):
    """Which signatures of models a stage accepts, and what happens to other models."""

    policy: Annotated[
        Mode | None, BeforeValidator(_off, json_schema_input_type=Mode | Literal[False] | None)
    ] = None
    """`required`, `warn` or `off`; None: required if there is a key, else warn."""
    key: Annotated[
        tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...])
    ] = Field(default=(), strict=False)
    """Files of trusted public keys in PEM, relative to stages.yaml: one, or a list."""


def stage_trust(settings: SignatureSettings, folder: Path, stage: str) -> Trust:
    """Read the trusted keys of a stage.

    Args:
        settings: the stage's settings.
        folder: the folder of stages.yaml.
        stage: the stage's name.

    Raises:
        SettingsError: a key cannot be read, or signatures are required and there is none.
    """
    try:
        return read_trust(settings.policy, [folder / key for key in settings.key])
    except PackagingError as error:
        raise SettingsError(f"stages.{stage}.signatures: {error}") from error
