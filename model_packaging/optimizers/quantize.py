"""The stage `quantize`: one scheme, or with `auto` the smallest that passes the accuracy gate."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.trial import Baseline, Unfit
from lading.model_packaging.conversion import tool_versions
from lading.model_packaging.errors import DataUnusable, NothingToQuantize, QuantizationError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.measure.change import AccuracyDropped
from lading.model_packaging.measure.holdout import read_rows
from lading.model_packaging.optimizers.optimizer import Optimized, Optimizer, Task
from lading.model_packaging.quantization.registry import SCHEMES
from lading.model_packaging.quantization.scheme import QuantizationPlan, Scheme, quantize

AUTO = "auto"

_CALIBRATION = "quantize.calibration"
_CALIBRATED_ROWS = 512


def optimize(task: Task, model: bytes, schemes: Mapping[str, Scheme] = SCHEMES) -> Optimized:
    """Quantize a model by the scheme that the manifest names, or by the smallest that passes."""
    spec = task.spec
    plan, candidates = _plan(task, model), _candidates(spec, schemes)
    if spec.quantize.scheme == AUTO:
        return _smallest(task, model, _quantized(spec, model, candidates, plan))
    (scheme,) = candidates
    try:
        candidate = quantize(spec.name, model, scheme, plan)
    except NothingToQuantize as error:
        return _unchanged(model, error.reason)
    if len(candidate) >= len(model):
        sizes = f"{len(model):,} to {len(candidate):,} bytes"
        return _unchanged(model, f"{scheme.name} does not shrink it: {sizes}; remove quantize")
    return _tried(task, model, scheme, candidate)


def _candidates(spec: ModelSpec, schemes: Mapping[str, Scheme] = SCHEMES) -> tuple[Scheme, ...]:
    """Return the schemes to try: the requested one, or with `auto` all that can be used."""
    settings = spec.quantize
    if settings.scheme != AUTO:
        return (schemes[settings.scheme],)
    return tuple(each for each in schemes.values() if settings.calibration or not each.calibrated)


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
        reason = "has NaN or infinity in every row; calibration needs rows of finite numbers"
        raise DataUnusable(spec.name, str(path), reason, spec.place(_CALIBRATION))
    return QuantizationPlan(spec.quantize.exclude, finite)


def _is_finite(request: Mapping[str, Array]) -> bool:
    floats = (array for array in request.values() if array.dtype.kind == "f")
    return all(np.isfinite(array).all() for array in floats)


def _tried(task: Task, before: bytes, scheme: Scheme, candidate: bytes) -> Optimized:
    """Return the candidate after a trial run.

    Raises:
        QuantizationError: it cannot replace the model that it was made from.
    """
    try:
        tried = task.trial.of(before).compare(candidate)
    except Unfit as error:
        reason = f"{error} after quantizing to {scheme.name}"
        raise QuantizationError(task.spec.name, reason) from error
    done = _optimized(scheme, before, candidate)
    if not tried.overflows:
        return done
    outcome = f"{done.outcome}; answers NaN or infinity for {_listed(tried.overflows)}"
    return replace(done, outcome=outcome, facts={**done.facts, "overflows": list(tried.overflows)})


def _smallest(task: Task, model: bytes, made: Sequence[tuple[Scheme, bytes]]) -> Optimized:
    """Return the smallest candidate that answers and passes the gate; else the model itself."""
    rejected: list[str] = []
    baseline = task.trial.of(model)
    for scheme, candidate in sorted(made, key=lambda each: len(each[1])):
        if len(candidate) >= len(model):
            break
        reason = _rejection(task, baseline, candidate)
        if not reason:
            others = f" (rejected: {', '.join(rejected)})" if rejected else ""
            done = _optimized(scheme, model, candidate)
            return replace(done, outcome=done.outcome + others)
        rejected.append(f"{scheme.name} {reason}")
    why = f"rejected: {', '.join(rejected)}" if rejected else "no scheme makes it smaller"
    return _unchanged(model, why)


def _rejection(task: Task, baseline: Baseline, candidate: bytes) -> str:
    """Return why a candidate is rejected; empty if it is accepted."""
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


def _quantized(
    spec: ModelSpec, model: bytes, candidates: Sequence[Scheme], plan: QuantizationPlan
) -> list[tuple[Scheme, bytes]]:
    """Return every scheme that can be applied, with the model that it gives.

    Raises:
        QuantizationError: none can be applied, although there is something to quantize.
    """
    made: list[tuple[Scheme, bytes]] = []
    for scheme in candidates:
        try:
            made.append((scheme, quantize(spec.name, model, scheme, plan)))
        except QuantizationError as error:
            failure = error
    if not made and not isinstance(failure, NothingToQuantize):
        raise failure
    return made


def _unchanged(model: bytes, why: str) -> Optimized:
    return Optimized(model, f"unchanged ({why})", {"scheme": "none"})


def _optimized(scheme: Scheme, before: bytes, after: bytes) -> Optimized:
    outcome = f"{scheme.name}: {len(before):,} to {len(after):,} bytes"
    return Optimized(after, outcome, {"scheme": scheme.name, "weights": scheme.weights})


def _applies(spec: ModelSpec) -> bool:
    return spec.quantize.scheme != "none"


def _tools(spec: ModelSpec) -> Mapping[str, str]:
    libraries = {tool for scheme in _candidates(spec) for tool in scheme.tools}
    return tool_versions(spec, "demo", "onnx", *sorted(libraries))


OPTIMIZER = Optimizer(
    "quantize", idle="not requested", exact=False, applies=_applies, optimize=optimize, tools=_tools
)
