"""A model of LightGBM, run by LightGBM itself. Only this module of the service imports it.

Options:
    answers: what its numbers mean; see `boosted.Answers`.
"""

import re
from collections.abc import Sequence
from typing import Any, Final, cast

import lightgbm
import numpy as np

from lading.functions.inference.artifact.specification import NativeSection
from lading.functions.inference.models.predictor import Backend, SessionError
from lading.functions.inference.native.boosted import INPUT, Answers, named_answers, require_columns
from lading.functions.inference.tensors.conversion import Array

_TREE_SIZES: Final = re.compile(r"^tree_sizes=.*\n", re.MULTILINE)
_FAILURES: Final = (lightgbm.basic.LightGBMError, ValueError, TypeError)


def open_model(section: NativeSection, model: bytes, threads: int) -> "LightGBMModel":
    """Load a model from the text that `save_model` writes.

    Raises:
        SessionError: LightGBM cannot load it, or it has other columns than the section states.
    """
    # With the sizes of the trees, LightGBM reads them in threads, which a fork does not survive.
    text = _TREE_SIZES.sub("", model.decode(errors="replace").replace("\r\n", "\n"), count=1)
    try:
        booster = lightgbm.Booster(model_str=text)
    except _FAILURES as error:
        raise SessionError(error) from error
    require_columns(section, booster.num_feature())
    return LightGBMModel(section, booster, threads)


class LightGBMModel(Backend):
    """A loaded booster.

    Args:
        section: its options, inputs and outputs.
        booster: a `lightgbm.Booster`.
        threads: threads inside one prediction.
    """

    def __init__(self, section: NativeSection, booster: Any, threads: int) -> None:
        self.inputs, self.outputs = section.inputs, section.outputs
        self._booster, self._threads = booster, threads
        self._answers = cast("Answers", section.options["answers"])

    def run(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """See `Backend.run`."""
        try:
            numbers: Array = self._booster.predict(inputs[INPUT], num_threads=self._threads)
        except _FAILURES as error:
            raise SessionError(error) from error
        named = named_answers(self._answers, numbers, np.dtype(np.float64))
        return {name: named[name] for name in outputs or named}
