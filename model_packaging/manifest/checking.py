"""The manifest's key `check`: how near the answers of the packaged model must be."""

from typing import Annotated, Final

from pydantic import Field, Strict
from pydantic.dataclasses import dataclass

from lading.model_packaging.manifest.fields import CONFIG

RELATIVE_TOLERANCE: Final = 1e-3
"""The usual difference of a number, as a share of it."""

_MOST: Final = 0.1


@dataclass(frozen=True, slots=True, config=CONFIG)
class CheckSpec:
    """The comparison with the original."""

    tolerance: Annotated[
        float, Strict(), Field(ge=RELATIVE_TOLERANCE, le=_MOST, allow_inf_nan=False)
    ] = RELATIVE_TOLERANCE
    """The largest difference of a number in an answer, as a share of that number; the part for
    numbers near zero grows with it. A wider one excuses no row, and no class that changes."""
