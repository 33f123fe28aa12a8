"""Checks the further signatures of a model, and optimizes them like the default one.

The accuracy gate measures only the default signature. For the others, the artifact has the mean
cosine of their answers, as vectors, to the original's.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from lading.functions.inference.artifact.signatures import (
    LONGEST_NAME,
    MOST,
    Shared,
    is_name,
    whole,
)
from lading.functions.inference.artifact.specification import (
    PREDICT_METHOD,
    SERVING_DEFAULT,
    TensorSpec,
)
from lading.functions.inference.models.predictor import SessionError
from lading.model_packaging.check.agreement import (
    MOST_ROWS,
    MOST_SECONDS,
    Evidence,
    Model,
    compare,
    gather,
)
from lading.model_packaging.check.closeness import Closeness
from lading.model_packaging.check.graph_knowledge import with_ids
from lading.model_packaging.check.probing import Base, make_probes
from lading.model_packaging.check.samples import Samples, make_up
from lading.model_packaging.check.trial import TrialRows
from lading.model_packaging.conversion import Conversion, ConvertedModel, open_served
from lading.model_packaging.errors import (
    ConversionError,
    ManifestError,
    PackagingError,
    PruningError,
    QuantizationError,
    SourceUnreadable,
    likely,
)
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.measure.metrics import METRICS, Incomparable
from lading.model_packaging.onnx_graph import require_finite_weights
from lading.model_packaging.optimizers.optimizer import Task
from lading.model_packaging.optimizers.registry import OPTIMIZERS

Load = Callable[[bytes], ConvertedModel]
"""Loads a model of this conversion as it is served."""

CHECKED_BATCH = 64

_SHARE = 4
"""Divisor of the check's limits for each further signature."""

_WORTH_SHARING = 128
"""The smallest weight, in bytes, that is omitted if `model.onnx` has it."""
_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class ExtraSignature:
    """A further signature as it is published; `facts` are for artifact.json."""

    name: str
    method: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    model: bytes
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Signatures:
    """The signatures of a model; `name` and `method` are those of `model.onnx`."""

    name: str = SERVING_DEFAULT
    method: str = PREDICT_METHOD
    others: tuple[ExtraSignature, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)

    def files(self, model: bytes) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
        """Return their entries in artifact.json, none for the default signature alone, and files.

        `lading.functions.inference.artifact.signatures` describes the form.
        """
        entries: list[dict[str, Any]] = [{"name": self.name, "method": self.method}]
        contents = {}
        for number, each in enumerate(self.others, 1):
            file = f"signature-{number}.onnx"
            contents[file], shared = share(each.model, model)
            tensors = {
                side: [spec.to_json() for spec in specs]
                for side, specs in (("inputs", each.inputs), ("outputs", each.outputs))
            }
            named = {"name": each.name, "method": each.method, **tensors}
            entries.append({**named, "file": file, "shared": shared, **each.facts})
        entries += [{"name": name, "alias": of} for name, of in self.aliases.items()]
        plain = [{"name": SERVING_DEFAULT, "method": PREDICT_METHOD}]
        return ([] if entries == plain else entries), contents


def choose(spec: ModelSpec, signatures: Iterable[str]) -> list[str]:
    """Choose the signatures of a source by the manifest; the first is the default.

    Raises:
        SourceUnreadable: the source has none.
        ManifestError: the manifest names a missing one, or must name one.
    """
    known, wanted = sorted(signatures), spec.signatures
    if not known:
        reason = "has no signatures; save it with model.export(...), or signatures={...}"
        raise SourceUnreadable(spec.name, spec.source, reason)
    for name in wanted:
        if name not in known:
            reason = f"'{name}' is not in {spec.source.name}, which has {', '.join(known)}"
            raise ManifestError(spec.place("signature"), reason, likely(name, known))
    names = list(wanted or known)
    if SERVING_DEFAULT not in names and len(known) > 1 and not wanted:
        reason = (
            f"is required, since {spec.source.name} has several and none is {SERVING_DEFAULT}; the "
            f"first in the list answers requests without a name: [{', '.join(known)}]"
        )
        raise ManifestError(spec.place("signature"), reason)
    if len(names) > MOST or not all(map(is_name, names)):
        reason = (
            f"is required: choose at most {MOST} of the {len(names)} signatures of "
            f"{spec.source.name}, with names of at most {LONGEST_NAME} characters"
        )
        raise ManifestError(spec.place("signature"), reason)
    names.sort(key=lambda name: name != SERVING_DEFAULT)
    return names[:1] if _has_steps(spec) else names


def _has_steps(spec: ModelSpec) -> bool:
    """Return whether the manifest has steps around the model; they support only one signature.

    Raises:
        ManifestError: the manifest names several signatures.
    """
    for key, given in (("code", spec.code), ("image", spec.image)):
        if given and len(spec.signatures) > 1:
            raise ManifestError(
                spec.place("signature"), f"must name only one, since {key} supports one"
            )
        if given:
            return True
    return False


def share(model: bytes, first: bytes) -> tuple[bytes, Shared]:
    """Return a model without the weights that `first` has too, and their positions."""
    known = _weights(first)
    found = sorted((model.find(each), each) for each in _weights(model) & known)
    parts, shared, done, most = [], [], 0, len(first)
    for at, weight in found:
        if at < done or len(weight) > most:
            continue
        parts.append(model[done:at])
        shared.append([sum(map(len, parts)), first.find(weight), len(weight)])
        done, most = at + len(weight), most - len(weight)
    rest = b"".join([*parts, model[done:]])
    assert whole(rest, first, shared) == model
    return rest, shared


def _weights(model: bytes) -> set[bytes]:
    from onnx import load_model_from_string

    tensors = load_model_from_string(model).graph.initializer
    return {each.raw_data for each in tensors if len(each.raw_data) >= _WORTH_SHARING}


def finish(
    spec: ModelSpec, conversion: Conversion, samples: Samples, done: Mapping[str, Mapping[str, Any]]
) -> tuple[Signatures, str]:
    """Check each further signature against the original, and optimize it like the first.

    Args:
        spec: the model, from the manifest.
        conversion: its signatures.
        samples: the rows of the first signature's check; also used for others with such inputs.
        done: the stages of the first signature, with their facts.

    Returns:
        The signatures, and a line about them. A signature that differs from the original, or cannot
        be served, is left out.

    Raises:
        ConversionError: the manifest names such a signature.
    """
    others: list[tuple[ExtraSignature, str]] = []
    left_out: dict[str, str] = {}
    for each in conversion.others:
        try:
            others.append(_finished(spec, each, samples, done))
        except ConversionError as error:
            if each.signature in spec.signatures:
                wrong = f"fails in its signature '{each.signature}': {error.reason}"
                advice = f"remove {each.signature} from signature:"
                raise ConversionError(spec.name, f"{wrong}; {advice}") from error
            left_out[each.signature] = error.reason
    signatures = Signatures(
        conversion.signature,
        conversion.method,
        tuple(signature for signature, _ in others),
        {name: of for name, of in conversion.aliases.items() if of not in left_out},
    )
    return signatures, _outcome(signatures, [outcome for _, outcome in others], left_out)


def _outcome(signatures: Signatures, outcomes: Sequence[str], left_out: Mapping[str, str]) -> str:
    """Return a line about the further signatures; `outcomes` are in their order."""
    parts = [f"{each.name} {said}" for each, said in zip(signatures.others, outcomes, strict=True)]
    parts += [f"{name} is another name for {of}" for name, of in signatures.aliases.items()]
    parts += [f"left out '{name}': it {reason}" for name, reason in left_out.items()]
    if not parts:
        return f"one, {signatures.name}"
    return "; ".join([f"{signatures.name} is the default", *parts])


def _finished(
    spec: ModelSpec, other: Conversion, samples: Samples, done: Mapping[str, Mapping[str, Any]]
) -> tuple[ExtraSignature, str]:
    try:
        require_finite_weights(spec.name, other.onnx)
        fitting = _rows(spec.name, other, samples)
        load = partial(open_served, spec.name, other)
        evidence = _evidence(other, fitting)
        agrees = partial(_compare, spec, load, evidence)
        rows = agrees(other.onnx)
        trial = TrialRows(load, [each.probe for each in evidence.answered])
        model, left = _optimized(Task(spec, lambda _: None, agrees, trial), other.onnx, done)
        session = other.session(model)
        near = _nearness(other.reference, session.run, fitting)
    except (PackagingError, SessionError, ValueError) as error:
        reason = str(error).removeprefix(f"model '{spec.name}' ")
        raise ConversionError(spec.name, reason) from error
    outcome = f"agrees in {rows} rows, {len(other.onnx):,} to {len(model):,} bytes"
    facts: dict[str, Any] = {"left": left} if left else {}
    if other.domains:
        facts["domains"] = {name: each.to_json() for name, each in other.domains.items()}
    if near is not None:
        facts["cosine"] = round(near, _DECIMALS)
        outcome += f", cosine {near:.4f}"
    outcome += "".join(f", not {stage}d: {why}" for stage, why in left.items())
    named = (other.signature, other.method, session.inputs, session.outputs)
    return ExtraSignature(*named, model, facts), outcome


def _evidence(other: Conversion, samples: Samples) -> Evidence:
    """Return the original's answers for this signature."""
    served = ConvertedModel(other.session(other.onnx), other.domains)
    base = Base(samples, served.inputs, with_ids(other.known, other.onnx), real=False)
    probes = [*make_probes(base), *other.probes]
    return gather(other.reference, probes, MOST_ROWS // _SHARE, MOST_SECONDS / _SHARE)


def _compare(spec: ModelSpec, load: Load, evidence: Evidence, model: bytes) -> int:
    """Return the number of rows that the original and a model of this signature answer alike."""
    served = load(model)
    closeness = Closeness(spec.check.tolerance)
    return compare(spec.name, evidence, served.run, served.narrow, closeness)


def _rows(name: str, other: Conversion, samples: Samples) -> Samples:
    """Return the first signature's rows if they fit, else generated rows."""
    specs = other.session(other.onnx).inputs
    given = {key: (array.dtype, array.shape[1:]) for key, array in samples.inputs.items()}
    made = make_up(name, specs)
    expected = {key: (array.dtype, array.shape[1:]) for key, array in made.inputs.items()}
    return samples if given == expected and samples.batch == made.batch else made


def _optimized(
    task: Task, model: bytes, done: Mapping[str, Mapping[str, Any]]
) -> tuple[bytes, dict[str, str]]:
    """Return the model after the same stages, and why a stage left it unchanged."""
    spec = task.spec
    left: dict[str, str] = {}
    for optimizer in OPTIMIZERS:
        if optimizer.stage not in done:
            continue
        scheme = done[optimizer.stage].get("scheme", spec.quantize.scheme)
        alike = replace(spec, quantize=replace(spec.quantize, scheme=scheme))
        if not optimizer.applies(alike):
            continue
        try:
            optimized = optimizer.optimize(replace(task, spec=alike), model)
        except (PruningError, QuantizationError) as error:
            left[optimizer.stage] = (
                error.reason
            )  # the advice to leave the stage out does not apply here
        except PackagingError as error:
            left[optimizer.stage] = str(error).removeprefix(f"model '{spec.name}' ")
        else:
            model = optimized.model
            if optimized.outcome.startswith("unchanged ("):
                left[optimizer.stage] = optimized.outcome[len("unchanged (") : -1]
    return model, left


def _nearness(original: Model, optimized: Model, samples: Samples) -> float | None:
    """Return the lowest mean cosine of an output with vectors; None if there is none."""
    lowest = None
    for request in islice(samples.requests(CHECKED_BATCH), 1):
        wanted, found = original(dict(request)), optimized(dict(request))
        for output, array in found.items():
            try:
                cosine = METRICS["cosine"].of(wanted[output], array, 0)(np.ones(len(array)))
            except (Incomparable, TypeError):
                continue
            lowest = cosine if lowest is None else min(lowest, cosine)
    return lowest
