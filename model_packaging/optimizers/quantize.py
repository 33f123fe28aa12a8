"""The stage `quantize`: one scheme, or with `auto` the smallest that passes the accuracy gate."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

import numpy as np

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.trial import Unfit, UnoptimizedAnswers
from lading.model_packaging.conversion import tool_versions
from lading.model_packaging.errors import DataUnusable, NothingToQuantize, QuantizationError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.measure.change import AccuracyDropped, AccuracyUncertain
from lading.model_packaging.measure.holdout import read_rows
from lading.model_packaging.optimizers.candidates import Candidate
from lading.model_packaging.optimizers.optimizer import Optimized, Optimizer, Task
from lading.model_packaging.quantization.registry import SCHEMES
from lading.model_packaging.quantization.scheme import QuantizationPlan, Scheme, quantize

AUTO = "auto"

_CALIBRATION = "quantize.calibration"
_CALIBRATED_ROWS = 512


class _Made(NamedTuple):
    """The models that schemes give, and the candidates for which there is none."""

    models: tuple[tuple[Scheme, bytes], ...]
    impossible: tuple[Candidate, ...]


def optimize(task: Task, model: bytes, schemes: Mapping[str, Scheme] = SCHEMES) -> Optimized:
    """Quantize a model by the scheme that the manifest names, or by the smallest that passes."""
    spec = task.spec
    plan, candidates = _plan(task, model), _candidates(spec, schemes)
    if spec.quantize.scheme == AUTO:
        return _smallest(task, model, _quantized(spec, model, schemes, candidates, plan))
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


def _smallest(task: Task, model: bytes, made: _Made) -> Optimized:
    """Return the smallest candidate that answers and passes the gate; else the model itself."""
    tried: list[Candidate] = []
    kept = Optimized(model, "")
    baseline = task.trial.of(model)
    for scheme, content in sorted(made.models, key=lambda each: len(each[1])):
        candidate = Candidate(scheme.name, "not tried", "a smaller one passed", len(content))
        if len(content) >= len(model):
            candidate = replace(candidate, reason="it does not make the model smaller")
        elif kept.model is model:
            candidate = _judged(task, baseline, scheme, content)
            if candidate.outcome == "chosen":
                kept = _optimized(scheme, model, content)
        tried.append(candidate)
    refused = [f"{it.name} {it.reason}" for it in tried if it.outcome == "refused"]
    rejected = f"rejected: {', '.join(refused)}" if refused else ""
    if kept.model is model:
        kept = _unchanged(model, rejected or "no scheme makes it smaller")
    elif rejected:
        kept = replace(kept, outcome=f"{kept.outcome} ({rejected})")
    return replace(kept, candidates=(*tried, *made.impossible))


def _judged(task: Task, baseline: UnoptimizedAnswers, scheme: Scheme, content: bytes) -> Candidate:
    """Return whether a candidate is accepted; if it is not, why."""
    candidate = Candidate(scheme.name, "refused", bytes=len(content))
    try:
        tried = baseline.compare(content)
        candidate = replace(candidate, change=task.judge(content))
    except Unfit as error:
        return replace(candidate, reason=str(error))
    except AccuracyDropped as error:
        return replace(candidate, reason=_lost(error), change=error.change)
    if tried.overflows:
        reason = f"answers NaN or infinity for {_listed(tried.overflows)}"
        return replace(candidate, reason=reason)
    return replace(candidate, outcome="chosen")


def _lost(error: AccuracyDropped) -> str:
    """Return how much a candidate lost, or may have lost."""
    if isinstance(error, AccuracyUncertain) and error.needed:
        return f"is measured on {error.rows} rows of {error.needed} that are needed"
    if isinstance(error, AccuracyUncertain):
        high = error.change.intervals.drop.high
        return f"may have dropped by {high:.4f} ({error.max_drop:g} allowed)"
    return f"dropped by {error.drop:.4f} ({error.max_drop:g} allowed)"


def _listed(kinds: Sequence[str]) -> str:
    more = f" and {len(kinds) - 1} more kinds of rows" if len(kinds) > 1 else ""
    return f"{kinds[0]}{more}"


def _quantized(
    spec: ModelSpec,
    model: bytes,
    schemes: Mapping[str, Scheme],
    candidates: Sequence[Scheme],
    plan: QuantizationPlan,
) -> _Made:
    """Apply every scheme that can be applied.

    Raises:
        QuantizationError: none can be applied, although there is something to quantize.
    """
    made: list[tuple[Scheme, bytes]] = []
    impossible = [
        Candidate(name, "not tried", f"it needs {_CALIBRATION}")
        for name, scheme in schemes.items()
        if scheme not in candidates
    ]
    for scheme in candidates:
        try:
            made.append((scheme, quantize(spec.name, model, scheme, plan)))
        except QuantizationError as error:
            failure = error
            impossible.append(Candidate(scheme.name, "refused", error.reason))
    if not made and not isinstance(failure, NothingToQuantize):
        raise failure
    return _Made(tuple(made), tuple(impossible))


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
