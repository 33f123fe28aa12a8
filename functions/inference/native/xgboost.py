"""A model of XGBoost, run by XGBoost itself. Only this module of the service imports it.

Options:
    answers: what its numbers mean; see `boosted.Answers`.
    rounds: the rounds of training whose trees answer; 0 is all.
    in_place: whether rows are read in place, as XGBoost's estimators do, which accept infinite
        values; else as a matrix, as a Booster does.
    objective: the objective to predict with, where it is not that of the file.
"""

import re
from collections.abc import Sequence
from contextlib import nullcontext
from threading import Lock
from typing import Any, cast

import numpy as np
import xgboost

from lading.functions.inference.artifact.specification import NativeSection
from lading.functions.inference.models.predictor import Backend, SessionError
from lading.functions.inference.native.boosted import INPUT, Answers, named_answers, require_columns
from lading.functions.inference.tensors.conversion import Array

_PLACE = re.compile(r"^\[[\d:]+\] \S+:\d+: ")
"""The time and the line of C++ code with which its messages begin."""
_SAFE = ("gbtree", "dart")
"""Boosters that several threads may use at once."""


def open_model(section: NativeSection, model: bytes, threads: int) -> "XGBoostModel":
    """Load a model from the content of a .json or .ubj file.

    Raises:
        SessionError: XGBoost cannot load it, or it has other columns than the section states.
    """
    try:
        with xgboost.config_context(verbosity=0):
            booster = xgboost.Booster({"nthread": threads}, model_file=bytearray(model))
            if "objective" in section.options:
                booster.set_param({"objective": section.options["objective"]})
    except (ValueError, TypeError) as error:
        raise _readable(error) from error
    require_columns(section, booster.num_features())
    return XGBoostModel(section, booster, threads)


class XGBoostModel(Backend):
    """A loaded booster.

    Args:
        section: its options, inputs and outputs.
        booster: an `xgboost.Booster`.
        threads: threads inside one prediction.
    """

    def __init__(self, section: NativeSection, booster: Any, threads: int) -> None:
        self.inputs, self.outputs = section.inputs, section.outputs
        self._booster, self._threads = booster, threads
        self._answers = cast("Answers", section.options["answers"])
        self._rounds = (0, int(section.options["rounds"]))
        self._in_place = section.options["in_place"] is True
        shared = section.options["booster"] in _SAFE
        self._turn: Any = nullcontext() if shared else Lock()

    def run(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """See `Backend.run`."""
        try:
            with self._turn:
                numbers = self._predict(inputs[INPUT])
        except (ValueError, TypeError) as error:
            raise _readable(error) from error
        named = named_answers(self._answers, numbers, np.dtype(np.float32))
        return {name: named[name] for name in outputs or named}

    def _predict(self, rows: Array) -> Array:
        booster = self._booster
        if self._in_place:
            found = booster.inplace_predict(rows, iteration_range=self._rounds)
        else:
            names = booster.feature_names  # rows come without names
            matrix = xgboost.DMatrix(rows, feature_names=names, nthread=self._threads)
            found = booster.predict(matrix, iteration_range=self._rounds)
        return np.asarray(found)


def _readable(error: Exception) -> SessionError:
    """Return the error without places in XGBoost's own sources."""
    return SessionError(ValueError(_PLACE.sub("", str(error))))
