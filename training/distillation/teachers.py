"""The teacher: any `Predictor`, so a version here, a model at an endpoint, or a trained file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from lading.functions.contract.errors import InferenceError
from lading.functions.contract.settings import ServedEndpoint
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.endpoint.predictor import open_endpoint
from lading.functions.inference.graphs.predictor import open_here
from lading.functions.inference.models.predictor import ModelMetadata, Predictor, check_request
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.samples import Samples
from lading.model_packaging.conversion import Conversion
from lading.model_packaging.converters.registry import find_converter
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.manifest.distilling import ORIGINAL, DistillSpec
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.model_packaging.resolution import source_of
from lading.model_packaging.store.transfer import read_nearest
from lading.training.distillation.targets import Targets, Unteachable, make_targets
from lading.training.errors import TrainingError

_ROWS = 64
"""Rows in a request to the teacher."""
_TABLE = 2


@dataclass(frozen=True, slots=True)
class Teacher:
    """A teacher, and what identifies it.

    Args:
        name: the model and its version, for people.
        digest: of its artifact, or of its trained file.
        bytes: the size of the model.
        open: loads it.
    """

    name: str
    digest: str
    bytes: int
    open: Callable[[], Predictor]


class OriginalPredictor(Predictor):
    """A trained file as its framework answers it.

    Args:
        name: the model's name.
        conversion: what its converter made.
    """

    def __init__(self, name: str, conversion: Conversion) -> None:
        session = conversion.session(conversion.onnx)
        self.metadata = ModelMetadata(name, 0, "original", session.inputs, session.outputs)
        self._reference = conversion.reference

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """See `Predictor.predict`."""
        check_request(self.metadata, inputs, outputs)
        answer = self._reference(inputs)
        return {name: answer[name] for name in outputs or answer}


def find_teacher(spec: ModelSpec, lock: Path) -> Teacher:
    """Find the teacher that `distill` names.

    Args:
        spec: the student.
        lock: path of models.lock.json.

    Raises:
        TrainingError: the lock lacks the version, or it needs an endpoint.
        PackagingError: it cannot be read.
    """
    distill = settings_of(spec)
    model = load_manifest(spec.manifest).models[distill.teacher]
    if distill.version == ORIGINAL:
        return _original(spec, model)
    number = _number(spec, model.name, lock)
    entry = read_lock(lock).model(model.name).versions[number]
    published = read_nearest(model.name, number, entry, lock)
    artifact, name = published.artifact, f"{model.name} version {number}"
    if artifact.engine is None:
        opened = partial(open_here, artifact, number)
        return Teacher(name, entry.digest, artifact.model_bytes(), opened)
    if distill.endpoint is None:
        reason = f"is required: {name} is served by {artifact.engine.name}; name its endpoint"
        raise TrainingError(spec.place("distill.endpoint"), reason)
    there = partial(open_endpoint, artifact, number, ServedEndpoint(distill.endpoint))
    size = published.engine.size if published.engine else 0
    return Teacher(name, entry.digest, size, there)


def _original(spec: ModelSpec, model: ModelSpec) -> Teacher:
    if not model.source.exists():
        reason = f"{model.source} is missing; '{ORIGINAL}' needs the teacher's trained file"
        raise TrainingError(spec.place("distill.version"), reason)
    converter = find_converter(model.name, model.source, model.framework)
    size = sum(path.stat().st_size for path in converter.files(model))

    def opened() -> Predictor:
        return OriginalPredictor(model.name, converter.convert(model))

    digest = source_of(model, converter).digest
    return Teacher(f"{model.name}, its trained file", digest, size, opened)


def settings_of(spec: ModelSpec) -> DistillSpec:
    """Return the manifest's key `distill`."""
    assert spec.distill is not None
    return spec.distill


def _number(spec: ModelSpec, name: str, lock: Path) -> int:
    model, wanted = read_lock(lock).model(name), settings_of(spec).version
    number = model.labels.get(wanted) if isinstance(wanted, str) else wanted
    if number not in model.versions:
        reason = f"{lock} has no version '{wanted}' of model '{name}'; run `lading package {name}`"
        raise TrainingError(spec.place("distill.version"), reason)
    return number


def scores_of(spec: ModelSpec, predictor: Predictor) -> str:
    """Return the name of the output that has a score for each class.

    Raises:
        TrainingError: the teacher has no such output.
    """
    wanted, known = settings_of(spec).output, predictor.metadata.output_names()
    if wanted is None:
        return _scores(spec, predictor.metadata.outputs)
    if wanted not in known:
        reason = f"'{wanted}' is not an output of the teacher, which has {', '.join(known)}"
        raise TrainingError(spec.place("distill.output"), reason)
    return wanted


def ask(spec: ModelSpec, predictor: Predictor, rows: Samples) -> Targets:
    """Return what the student learns: the teacher's answers to all rows.

    Raises:
        TrainingError: it does not answer, or not with scores of several classes.
    """
    output = scores_of(spec, predictor)
    try:
        answers = [predictor.predict(request) for request in rows.requests(_ROWS)]
    except InferenceError as error:
        reason = f"the teacher does not answer these rows: {error}"
        raise TrainingError(spec.place("distill.data"), reason) from error
    scores = np.concatenate([answer[output] for answer in answers])
    try:
        return make_targets(scores, _labels(answers))
    except Unteachable as error:
        key = "distill.data" if "rows" in str(error) else "distill.output"
        reason = f"'{output}' of the teacher {error}"
        raise TrainingError(spec.place(key), reason) from error


def _scores(spec: ModelSpec, outputs: Sequence[TensorSpec]) -> str:
    for each in outputs:
        if each.datatype in {"FP16", "FP32", "FP64"} and len(each.shape) == _TABLE:
            return each.name
    shown = ", ".join(f"{each.name} {each.datatype} {list(each.shape)}" for each in outputs)
    reason = f"needs scores of classes, floats [rows, classes]; the teacher answers {shown}"
    raise TrainingError(spec.place("distill.teacher"), reason)


def _labels(answers: Sequence[dict[str, Array]]) -> Array | None:
    """Return the labels that a teacher answers beside its scores: the first of several."""
    for name, array in answers[0].items():
        if array.dtype.kind in "iuO" and array.ndim in {1, _TABLE}:
            found = np.concatenate([answer[name] for answer in answers])
            first = found if found.ndim == 1 else found[:, 0]
            plain = [each.decode() if isinstance(each, bytes) else each for each in first.tolist()]
            return np.array(plain)
    return None
