"""The stage `quantize`: one scheme, or with `auto` the smallest that passes the accuracy gate."""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from functions.inference.session import OnnxSession
from model_packaging.conversion import tool_versions
from model_packaging.errors import AccuracyDropped, QuantizationError
from model_packaging.holdout import read_rows
from model_packaging.manifest import ModelSpec
from model_packaging.optimisation import Optimised, Task
from model_packaging.quantization import schemes
from model_packaging.quantization.scheme import Plan, Scheme, quantize

AUTO = "auto"

_CALIBRATION = "quantize.calibration"
_CALIBRATED_ROWS = 512


class Quantize:
    """See `optimisation.Optimiser`."""

    stage = "quantize"
    order = 20
    idle = "not asked for"

    def options(self, spec: ModelSpec) -> Mapping[str, Any] | None:
        """See `Optimiser.options`."""
        asked = spec.quantize
        if asked.scheme == "none":
            return None
        return {"scheme": asked.scheme, "exclude": list(asked.exclude)}

    def files(self, spec: ModelSpec) -> Mapping[str, Path]:
        """See `Optimiser.files`."""
        path = spec.quantize.calibration
        return {_CALIBRATION: path} if path else {}

    def tools(self, spec: ModelSpec) -> Mapping[str, str]:
        """See `Optimiser.tools`."""
        libraries = {tool for scheme in _candidates(spec) for tool in scheme.tools}
        return tool_versions(spec, "demo", "onnx", *sorted(libraries))

    def optimise(self, task: Task, model: bytes) -> Optimised:
        """See `Optimiser.optimise`."""
        plan = _plan(task, model)
        if task.spec.quantize.scheme == AUTO:
            return _smallest(task, model, plan)
        (scheme,) = _candidates(task.spec)
        return _optimised(scheme, model, quantize(task.spec.name, model, scheme, plan))


OPTIMISER = Quantize()


def _candidates(spec: ModelSpec) -> tuple[Scheme, ...]:
    """The schemes to try: the one that is asked for, or all that can be."""
    asked = spec.quantize
    if asked.scheme != AUTO:
        return (schemes()[asked.scheme],)
    return tuple(each for each in schemes().values() if asked.calibration or not each.calibrated)


def _plan(task: Task, model: bytes) -> Plan:
    spec, callers = task.spec, task.callers
    path = spec.quantize.calibration
    if path is None:
        return Plan(spec.quantize.exclude)
    rows = read_rows(spec, _CALIBRATION, path, (callers or OnnxSession(model)).inputs)
    requests = islice(rows.requests(1), _CALIBRATED_ROWS)
    return Plan(spec.quantize.exclude, tuple(map(callers.feeds, requests) if callers else requests))


def _smallest(task: Task, model: bytes, plan: Plan) -> Optimised:
    """The smallest candidate that passes the gate; the model itself when none does."""
    refused: list[str] = []
    for scheme, candidate in sorted(_try(task.spec, model, plan), key=lambda each: len(each[1])):
        if len(candidate) >= len(model):
            break
        try:
            task.judge(candidate)
        except AccuracyDropped as error:
            refused.append(f"{scheme.name} by {error.drop:.4f}")
            continue
        return _optimised(scheme, model, candidate, refused)
    why = f"dropped too much: {', '.join(refused)}" if refused else "nothing became smaller"
    return Optimised(model, f"left as it is ({why})", {"scheme": "none"})


def _try(spec: ModelSpec, model: bytes, plan: Plan) -> list[tuple[Scheme, bytes]]:
    """Every scheme that can be applied, with what it makes of the model.

    Raises:
        QuantizationError: none can.
    """
    made: list[tuple[Scheme, bytes]] = []
    for scheme in _candidates(spec):
        try:
            made.append((scheme, quantize(spec.name, model, scheme, plan)))
        except QuantizationError as error:
            failure = error
    if not made:
        raise failure
    return made


def _optimised(
    scheme: Scheme, before: bytes, after: bytes, refused: Sequence[str] = ()
) -> Optimised:
    outcome = f"{scheme.name}: {len(before):,} to {len(after):,} bytes"
    if len(after) > len(before):
        outcome += ", which is more: leave quantize out"
    if refused:
        outcome += f" (dropped too much: {', '.join(refused)})"
    return Optimised(after, outcome, {"scheme": scheme.name, "weights": scheme.weights})
