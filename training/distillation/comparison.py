"""Holds a student against its teacher: the accuracy gate, and their figures side by side."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from lading.functions.inference.artifact.specification import REPORT, TensorSpec
from lading.functions.inference.models.predictor import Predictor
from lading.functions.inference.models.session_predictor import open_onnx
from lading.functions.inference.tensors.conversion import DTYPES, Array, as_datatype
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.check.probes import Request
from lading.model_packaging.documents import readable
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.measure.accuracy import Gate
from lading.model_packaging.measure.holdout import read_holdout
from lading.model_packaging.measure.metrics import METRICS
from lading.model_packaging.pipeline import Builder
from lading.model_packaging.report.distilled import COMPARISON
from lading.model_packaging.resolution import ConversionJob
from lading.model_packaging.stages import OnStage
from lading.model_packaging.store.publication import Built, verify
from lading.training.distillation.targets import make_scores
from lading.training.distillation.teachers import Teacher, scores_of
from lading.training.errors import TrainingError

STAGE = "teacher"

_SECONDS, _MOST_RUNS = 0.5, 200


def held_against(teacher: Teacher, builder: Builder) -> Builder:
    """Return a builder whose models pass the accuracy gate against their teacher.

    Raises:
        AccuracyDropped: the finished student lost more than `max_drop` against its teacher.
    """

    def build(job: ConversionJob, identity: str, on_stage: OnStage, details: Path) -> Built:
        built = builder(job, identity, on_stage, details)
        on_stage(STAGE, "")
        assert job.spec.training is not None
        held, outcome = _held(job.spec, teacher, job.spec.training["classes"], built)
        on_stage(STAGE, outcome)
        return held

    return build


def _held(
    spec: ModelSpec, teacher: Teacher, classes: Sequence[Any], built: Built
) -> tuple[Built, str]:
    student = open_onnx(verify(spec.name, 0, built.files, None), 0)
    holdout, predictor = read_holdout(spec, student.metadata.inputs), teacher.open()
    gate = Gate(spec, holdout, _teacher_model(spec, predictor, np.array(classes)))
    change = gate.judge(student.predict)
    first = _renamed(spec, next(holdout.requests(1)), predictor.metadata.inputs)
    facts = {
        "teacher": teacher.name,
        "bytes": teacher.bytes,
        "p50_ms": _median_ms(predictor, first),
        "accuracy": change.to_json(),
    }
    report = json.loads(built.files[REPORT]) | {COMPARISON: facts}
    outcome = f"{teacher.name}: {change}, {change.max_drop:g} allowed"
    return replace(built, files={**built.files, REPORT: readable(report)}), outcome


def _teacher_model(spec: ModelSpec, predictor: Predictor, classes: Array) -> Model:
    """Return the teacher as the gate calls it: one output, of labels or of scores."""
    assert spec.accuracy is not None
    output, name = spec.accuracy.output or STAGE, scores_of(spec, predictor)
    scored = METRICS[spec.accuracy.metric].scored or spec.accuracy.metric == "cosine"
    labels = classes.astype(np.object_) if classes.dtype.kind == "U" else classes

    def answer(inputs: Request) -> Request:
        rows = _renamed(spec, inputs, predictor.metadata.inputs)
        found = make_scores(predictor.predict(rows, [name])[name])
        return {output: found if scored else labels[found.argmax(axis=1)]}

    return answer


def _renamed(spec: ModelSpec, request: Request, specs: Sequence[TensorSpec]) -> Request:
    """Return a student's request as the teacher's: a single input may have another name and type.

    Raises:
        TrainingError: they have other inputs.
    """
    wanted = {each.name: each for each in specs}
    if len(wanted) == 1 and len(request) == 1:
        request = dict(zip(wanted, request.values(), strict=True))
    if wanted.keys() != request.keys():
        reason = f"has the inputs {', '.join(request)}, and its teacher {', '.join(wanted)}"
        raise TrainingError(spec.place("distill.teacher"), reason)
    return {name: _cast(request[name], each.datatype) for name, each in wanted.items()}


def _cast(array: Array, datatype: str) -> Array:
    dtype = DTYPES[datatype]
    return array if array.dtype == dtype else as_datatype(array.astype(dtype), datatype)


def _median_ms(predictor: Predictor, request: Request) -> float:
    predictor.predict(request)
    times: list[float] = []
    begin = perf_counter()
    while not times or (len(times) < _MOST_RUNS and perf_counter() - begin < _SECONDS):
        before = perf_counter()
        predictor.predict(request)
        times.append(perf_counter() - before)
    return round(median(times) * 1e3, 4)
