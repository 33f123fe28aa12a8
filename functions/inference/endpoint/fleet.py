"""Which fleet of an endpoint has answered: that of the version served here, or another one.

While SageMaker updates an endpoint, two fleets answer for it, and its own answer does not tell them
apart: the variant has the same name in both. But Triton names in each answer the version of its
model, which is the number of a folder in its repository. Packaging derives that number from the
repository's files, so two versions of a model have two numbers.
"""

import re
from collections.abc import Mapping
from typing import Final

from lading.functions.inference.artifact.specification import EngineSection
from lading.functions.inference.tensors.conversion import Array

_FOLDER: Final = re.compile(r"model/([0-9]+)/")
_NOT_DERIVED: Final = "1"
"""The number in artifacts of earlier releases, whatever their files are."""


class FleetAnswer(dict[str, Array]):
    """The outputs of a prediction.

    Args:
        outputs: the arrays by name.
        fleet: the number of the version served here, or `contract.judging.JUDGE.other_fleet`.
    """

    def __init__(self, outputs: Mapping[str, Array], fleet: str) -> None:
        super().__init__(outputs)
        self.fleet = fleet


def folder_number(engine: EngineSection) -> str:
    """Return the number of the model's folder in a Triton repository; empty if it tells nothing."""
    found = (match[1] for path in engine.files if (match := _FOLDER.match(path)))
    number = next(found, _NOT_DERIVED) if engine.name == "triton" else _NOT_DERIVED
    return "" if number == _NOT_DERIVED else number
