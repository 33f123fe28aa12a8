"""The stage `quantize`: one scheme, or with `auto` the smallest that passes the accuracy gate."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.trial import Baseline, Unfit
from lading.model_packaging.conversion import tool_versions
from lading.model_packaging.errors import AccuracyDropped, DataUnusable, QuantizationError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.measure.holdout import read_rows
from lading.model_packaging.optimizers.optimizer import Optimized, Task
from lading.model_packaging.quantization.registry import schemes
from lading.model_packaging.quantization.scheme import QuantizationPlan, Scheme, quantize

AUTO = "auto"

_CALIBRATION = "quantize.calibration"
_CALIBRATED_ROWS = 512


class Quantize:
    """See `optimization.Optimizer`.

    Args:
        known: gives the schemes by their names.
    """

    stage = "quantize"
    order = 20
    idle = "not asked for"
    exact = False

    def __init__(self, known: Callable[[], Mapping[str, Scheme]] = schemes) -> None:
        self._known = known

    def options(self, spec: ModelSpec) -> Mapping[str, Any] | None:
        """See `Optimizer.options`."""
        asked = spec.quantize
        if asked.scheme == "none":
            return None
        return {"scheme": asked.scheme, "exclude": list(asked.exclude)}

    def files(self, spec: ModelSpec) -> Mapping[str, Path]:
        """See `Optimizer.files`."""
        path = spec.quantize.calibration
        return {_CALIBRATION: path} if path else {}

    def tools(self, spec: ModelSpec) -> Mapping[str, str]:
        """See `Optimizer.tools`."""
        libraries = {tool for scheme in self._candidates(spec) for tool in scheme.tools}
        return tool_versions(spec, "demo", "onnx", *sorted(libraries))

    def optimize(self, task: Task, model: bytes) -> Optimized:
        """See `Optimizer.optimize`."""
        plan = _plan(task, model)
        if task.spec.quantize.scheme == AUTO:
            return _smallest(
                task, model, _made(task.spec, model, self._candidates(task.spec), plan)
            )
        (scheme,) = self._candidates(task.spec)
        candidate = quantize(task.spec.name, model, scheme, plan)
        if len(candidate) >= len(model):
            grown = f"{len(model):,} to {len(candidate):,} bytes"
            why = f"{scheme.name} makes it no smaller: {grown}; leave quantize out"
            return _left(model, why)
        return _tried(task, model, scheme, candidate)

    def _candidates(self, spec: ModelSpec) -> tuple[Scheme, ...]:
        """The schemes to try: the one that is asked for, or all that can be."""
        asked, known = spec.quantize, self._known()
        if asked.scheme != AUTO:
            return (known[asked.scheme],)
        return tuple(each for each in known.values() if asked.calibration or not each.calibrated)


OPTIMIZER = Quantize()


def _plan(task: Task, model: bytes) -> QuantizationPlan:
    spec, callers = task.spec, task.callers
    path = spec.quantize.calibration
    if path is None:
        return QuantizationPlan(spec.quantize.exclude)
    rows = read_rows(spec, _CALIBRATION, path, (callers or OnnxSession(model)).inputs)
    requests = islice(rows.requests(1), _CALIBRATED_ROWS)
    feeds = list(map(callers.feeds, requests) if callers else requests)
    finite = tuple(each for each in feeds if _is_finite(each))
    if feeds and not finite:
        reason = "has NaN or infinity in every row, and ranges are measured on numbers"
        raise DataUnusable(spec.name, str(path), reason, spec.place(_CALIBRATION))
    return QuantizationPlan(spec.quantize.exclude, finite)


def _is_finite(request: Mapping[str, Array]) -> bool:
    floats = (array for array in request.values() if array.dtype.kind == "f")
    return all(np.isfinite(array).all() for array in floats)


def _tried(task: Task, before: bytes, scheme: Scheme, candidate: bytes) -> Optimized:
    """The candidate, once it is run.

    Raises:
        QuantizationError: it cannot stand in for the model that it was made of.
    """
    try:
        tried = task.trial.of(before).compare(candidate)
    except Unfit as error:
        raise QuantizationError(task.spec.name, f"{error}, once it is {scheme.name}") from error
    outcome = f"{scheme.name}: {len(before):,} to {len(candidate):,} bytes"
    done = _optimized(scheme, candidate, outcome)
    if not tried.overflows:
        return done
    told = f"{outcome}; answers NaN or infinity for {_listed(tried.overflows)}"
    return replace(done, outcome=told, facts={**done.facts, "overflows": list(tried.overflows)})


def _smallest(task: Task, model: bytes, made: Sequence[tuple[Scheme, bytes]]) -> Optimized:
    """The smallest candidate that answers and passes the gate; the model itself when none does."""
    refused: list[str] = []
    baseline = task.trial.of(model)
    for scheme, candidate in sorted(made, key=lambda each: len(each[1])):
        if len(candidate) >= len(model):
            break
        why = _refusal(task, baseline, candidate)
        if not why:
            outcome = f"{scheme.name}: {len(model):,} to {len(candidate):,} bytes"
            without = f" (refused: {', '.join(refused)})" if refused else ""
            return _optimized(scheme, candidate, outcome + without)
        refused.append(f"{scheme.name} {why}")
    why = f"refused: {', '.join(refused)}" if refused else "nothing became smaller"
    return _left(model, why)


def _refusal(task: Task, baseline: Baseline, candidate: bytes) -> str:
    """Why a candidate is not taken; empty where it is."""
    try:
        tried = baseline.compare(candidate)
        task.judge(candidate)
    except Unfit as error:
        return str(error)
    except AccuracyDropped as error:
        return f"dropped by {error.drop:.4f}"
    overflows = tried.overflows
    return f"answers NaN or infinity for {_listed(overflows)}" if overflows else ""


def _listed(kinds: Sequence[str]) -> str:
    more = f" and {len(kinds) - 1} more kinds of rows" if len(kinds) > 1 else ""
    return f"{kinds[0]}{more}"


def _made(
    spec: ModelSpec, model: bytes, candidates: Sequence[Scheme], plan: QuantizationPlan
) -> list[tuple[Scheme, bytes]]:
    """Every scheme that can be applied, with what it makes of the model.

    Raises:
        QuantizationError: none can.
    """
    made: list[tuple[Scheme, bytes]] = []
    for scheme in candidates:
        try:
            made.append((scheme, quantize(spec.name, model, scheme, plan)))
        except QuantizationError as error:
            failure = error
    if not made:
        raise failure
    return made


def _left(model: bytes, why: str) -> Optimized:
    return Optimized(model, f"left as it is ({why})", {"scheme": "none"})


def _optimized(scheme: Scheme, model: bytes, outcome: str) -> Optimized:
    return Optimized(model, outcome, {"scheme": scheme.name, "weights": scheme.weights})
