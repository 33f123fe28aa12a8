"""The manifest's key `card`: what only people know about a model, for its card."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from lading.model_packaging.manifest.fields import CONFIG, Text, unique

_Words = Annotated[str, Field(min_length=1, max_length=4000)]


@dataclass(frozen=True, slots=True, config=CONFIG)
class CardSpec:
    """The words of the model card, which is published with each version."""

    license: Annotated[str | None, Field(examples=["apache-2.0", "mit", "other"])] = None
    """The license, as Hugging Face names it."""
    description: _Words | None = None
    """What the model does."""
    uses: _Words | None = None
    """What it is meant for."""
    limits: _Words | None = None
    """What it must not be used for, and where it is known to be wrong."""
    tags: Annotated[tuple[Text, ...], AfterValidator(unique), Field(max_length=20)] = ()
    """Further tags, by which a hub finds the model."""
