"""Builds the files of a version: the stages from `convert` to `engine`, in memory.

`pipeline.py` says what each stage does. The stages read the model with its framework's libraries,
so they run in a process of their own (`isolated.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import astuple, replace
from functools import partial
from pathlib import Path

from lading.functions.inference.models.predictor import ModelMetadata
from lading.model_packaging.check.agreement import Model, compare
from lading.model_packaging.check.answers import remembered
from lading.model_packaging.check.closeness import Closeness
from lading.model_packaging.check.given_example import given_example
from lading.model_packaging.check.golden import first_request, golden_requests
from lading.model_packaging.check.limits import limited, without_lost_numbers
from lading.model_packaging.check.samples import Samples
from lading.model_packaging.check.stage import Checked, check, one_of_each
from lading.model_packaging.check.trial import TrialRows
from lading.model_packaging.conversion import Conversion, ConvertedModel, open_served
from lading.model_packaging.engines.served import Served, serve
from lading.model_packaging.engines.serving import OnnxModel
from lading.model_packaging.errors import ConversionError, SourceError
from lading.model_packaging.explanations.stage import Subject, explain_stage
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.measure.accuracy import Gate, gate_stage
from lading.model_packaging.measure.baseline import baseline_stage
from lading.model_packaging.measure.batches import batch_stage
from lading.model_packaging.measure.benchmark import Latency, time_model
from lading.model_packaging.measure.change import AccuracyChange
from lading.model_packaging.measure.peak_memory import Footprint, measure
from lading.model_packaging.native.own_packages import packages_bytes
from lading.model_packaging.onnx_graph import require_finite_weights
from lading.model_packaging.optimizers.optimizer import Optimized, Optimizer, Task
from lading.model_packaging.optimizers.registry import OPTIMIZERS
from lading.model_packaging.placement.decision import Decision, fitting
from lading.model_packaging.placement.needs import Needs
from lading.model_packaging.placement.options import Target
from lading.model_packaging.resolution import ConversionJob, source_of
from lading.model_packaging.signatures import finish
from lading.model_packaging.specification import Build, Measured, StageRecord, write_files
from lading.model_packaging.stages import OnStage, Stages
from lading.model_packaging.steps.code import with_code
from lading.model_packaging.steps.image import with_image
from lading.model_packaging.steps.image_rows import takes_images
from lading.model_packaging.store.publication import Built

Load = Callable[[bytes], ConvertedModel]
"""Loads a model of this conversion as it is served."""


_SPOILED = 16
"""Rows that get NaN and infinities, to compare what an optimized model answers."""


def build_here(job: ConversionJob, identity: str, on_stage: OnStage, details: Path) -> Built:
    """Convert, check and optimize a model in this process.

    Args:
        job: the model and its converter.
        identity: the artifact's identity.
        on_stage: called for each stage.
        details: the file for the traceback of an unexpected error.

    Raises:
        PackagingError: a stage failed.
    """
    return _convert_and_check(job, identity, Stages(on_stage, job.spec, details, job.tools))


def _convert_and_check(job: ConversionJob, identity: str, stages: Stages) -> Built:
    conversion = stages.run("convert", _convert, job)
    checked, gate = stages.run("check", _check, job, conversion)
    samples, spec = checked.sent, job.spec
    load = partial(open_served, job.spec.name, conversion)
    task = Task(
        job.spec,
        judge=partial(_judge, load, gate),
        compare=partial(_compare, load, checked),
        trial=TrialRows(load, [each.probe for each in checked.evidence.answered]),
        callers=conversion.processed(),
    )
    done, lossy = _optimize_all(stages, task, conversion)
    model = done[-1][1]
    if lossy:
        conversion = without_lost_numbers(conversion, model, next(samples.requests(_SPOILED)))
        load = partial(open_served, job.spec.name, conversion)
    final = load(model)
    inexact = lossy or checked.closeness.widened
    change = stages.run("gate", gate_stage, gate, final.run, lossy=inexact)
    dependence = stages.run("batches", batch_stage, spec.name, final, len(model), checked)
    facts = {step.name: step.facts for step, _ in done}
    signatures = stages.run("signatures", finish, job.spec, conversion, samples, facts)
    steps = stages.run("benchmark", _benchmark, conversion, samples, gate, done, change)
    models = (model, *(other.model for other in signatures.others))
    footprint, decision = stages.run(
        "placement", _place, job, conversion, samples, models, steps[-1].latency.load_ms
    )
    golden = stages.run("golden", _golden, spec, final, checked, lossy=lossy)
    baseline = stages.run("baseline", _baseline, spec, conversion, checked, final)
    subject = _subject(spec, conversion, final, samples, gate)
    explained = stages.run("explain", explain_stage, subject, decision.target)
    served = stages.run("engine", _serve, job, conversion, decision.target, model, golden)
    build = Build(
        name=job.spec.name,
        identity=identity,
        source=job.source,
        tools=job.tools,
        steps=steps,
        model=model,
        inputs=final.session.inputs,
        outputs=final.session.outputs,
        footprint=footprint,
        golden=golden,
        baseline=baseline,
        decision=decision,
        served=served,
        processing=conversion.processing,
        signatures=signatures,
        domains=conversion.domains,
        classes=conversion.named,
        native=conversion.native,
        check=checked.to_json(),
        closeness=checked.closeness,
        training=spec.training,
        dependence=dependence,
        trusted=spec.trusted_types,
        batching=spec.batching,
        cpu_seconds=stages.cpu_seconds,
        explained=explained,
    )
    return write_files(build)


def _optimize_all(
    stages: Stages, task: Task, conversion: Conversion
) -> tuple[list[tuple[StageRecord, bytes]], bool]:
    """Return the model after each stage, and whether a stage may have lost accuracy."""
    model, first = conversion.onnx, "take" if conversion.native else "convert"
    done, lossy = [(StageRecord(first, len(model)), model)], task.spec.unpruned is not None
    for optimizer in OPTIMIZERS:
        optimized = stages.run(optimizer.stage, _optimize, optimizer, task, model)
        if optimized is not None and optimized.facts:
            lossy |= not optimizer.exact and optimized.model != model
            model = optimized.model
            record = StageRecord(optimizer.stage, len(model), optimized.facts, optimized.candidates)
            done.append((record, model))
    return done, lossy


def _convert(job: ConversionJob) -> tuple[Conversion, str]:
    spec = job.spec
    conversion = with_code(spec, with_image(spec, job.converter.convert(spec)))
    conversion = limited(spec.name, conversion, Closeness(spec.check.tolerance))
    conversion = replace(conversion, reference=remembered(conversion.reference))
    size = f"{len(conversion.onnx):,} bytes"
    if conversion.native:
        code = ", runs your code" if conversion.native.runs_code else ""
        return conversion, f"not converted{code}: {spec.source.name} is served as it is, {size}"
    require_finite_weights(spec.name, conversion.onnx)
    left = "".join(f"; left out '{name}': it {why}" for name, why in conversion.left_out.items())
    return conversion, f"{size}{left}"


def _check(job: ConversionJob, conversion: Conversion) -> tuple[tuple[Checked, Gate | None], str]:
    spec = job.spec
    checked, rows = check(spec, conversion)
    if source_of(spec, job.converter) != job.source:
        raise SourceError(
            spec.name, spec.source, "or its data changed during packaging; package it again"
        )
    gate = None
    if spec.accuracy:
        original = _original(job, conversion)
        gate = Gate(spec, checked.original, original, conversion.classes)
    return (checked, gate), checked.outcome(rows)


def _original(job: ConversionJob, conversion: Conversion) -> Model:
    """Return the model that the gate compares with: of a recovered one, that before pruning."""
    if job.spec.unpruned is None:
        return conversion.reference
    spec = replace(job.spec, source=job.spec.unpruned)
    return with_code(spec, with_image(spec, job.converter.convert(spec))).reference


def _compare(load: Load, checked: Checked, model: bytes) -> int:
    """Return the number of rows that the original and this model answer alike.

    Raises:
        ConversionError: they differ, or the model cannot be served.
    """
    served = load(model)
    name, closeness = checked.sent.model, checked.closeness
    return compare(name, checked.evidence, served.run, served.narrow, closeness)


def _optimize(optimizer: Optimizer, task: Task, model: bytes) -> tuple[Optimized | None, str]:
    if not optimizer.applies(task.spec):
        return None, optimizer.idle
    done = optimizer.optimize(task, model)
    return done, done.outcome


def _judge(load: Load, gate: Gate | None, model: bytes) -> AccuracyChange | None:
    return gate.judge(load(model).run) if gate else None


def _benchmark(
    conversion: Conversion,
    samples: Samples,
    gate: Gate | None,
    done: Sequence[tuple[StageRecord, bytes]],
    change: AccuracyChange | None,
) -> tuple[tuple[Measured, ...], str]:
    """Measure each step; `change` is the gate's result for the last one.

    A model that a step left unchanged is not measured again.
    """
    load = partial(open_served, samples.model, conversion)
    anew = replace(conversion, open=conversion.opener).session  # to time the loading
    latencies: dict[bytes, Latency] = {}
    changes = {done[-1][1]: change}
    for model in dict.fromkeys(model for _, model in done):
        latencies[model] = time_model(model, next(samples.requests(1)), load=anew)
        if model not in changes:
            changes[model] = _measure(load, gate, model)
    measured = tuple(Measured(step, latencies[each], changes[each]) for step, each in done)
    last = measured[-1].latency
    return measured, f"p50 {last.p50_ms:g} ms, p95 {last.p95_ms:g} ms, one row at a time"


def _measure(load: Load, gate: Gate | None, model: bytes) -> AccuracyChange | None:
    return gate.measure(load(model).run) if gate else None


def _place(
    job: ConversionJob,
    conversion: Conversion,
    samples: Samples,
    models: Sequence[bytes],
    load_ms: float,
) -> tuple[tuple[Footprint, Decision], str]:
    """Choose the target of a model; all signatures are loaded together, the first is timed."""
    request = conversion.feeds(next(samples.requests(1)))
    footprint = measure(job.spec.name, models, request, conversion.native)
    size = sum(map(len, models))
    measured = Needs(job.spec.name, size, True, *astuple(footprint))
    runtime = conversion.native.runtime if conversion.native else ""
    packages = packages_bytes(conversion.native)
    needs = replace(measured, load_ms=load_ms, runtime=runtime, packages_bytes=packages)
    decision, outcome = fitting(job.spec.target, needs)
    return (footprint, decision), outcome


def _golden(
    spec: ModelSpec, served: ConvertedModel, checked: Checked, *, lossy: bool
) -> tuple[bytes, str]:
    more, (first, note) = one_of_each(checked, served), given_example(spec, served)
    content, count = golden_requests(checked.sent, served.run, more, quantized=lossy, first=first)
    return content, f"{count} requests, {len(content):,} bytes{note and f'; {note}'}"


def _baseline(
    spec: ModelSpec, conversion: Conversion, checked: Checked, final: ConvertedModel
) -> tuple[bytes | None, str]:
    real, files = _has_real_rows(spec, conversion), takes_images(spec)
    return baseline_stage(checked.sent, final.run, final.session.outputs, real=real, files=files)


def _subject(
    spec: ModelSpec,
    conversion: Conversion,
    final: ConvertedModel,
    samples: Samples,
    gate: Gate | None,
) -> Subject:
    metadata = ModelMetadata(spec.name, 1, "", final.inputs, final.session.outputs)
    steps = conversion.processing.steps if conversion.processing else ()
    return Subject(
        spec, metadata, final.run, steps, samples, _has_real_rows(spec, conversion), gate
    )


def _has_real_rows(spec: ModelSpec, conversion: Conversion) -> bool:
    return bool(spec.accuracy or conversion.examples)


def _serve(
    job: ConversionJob, conversion: Conversion, target: Target, model: bytes, golden: bytes
) -> tuple[Served | None, str]:
    if target != "sagemaker":
        return None, "none: Lambda runs the model itself"
    if conversion.others:
        names = ", ".join([conversion.signature, *(each.signature for each in conversion.others)])
        reason = (
            f"has the signatures {names}, but an engine serves only one; set signature: to its name"
        )
        raise ConversionError(job.spec.name, reason)
    graph, request = conversion.open(model), first_request(golden)
    feeds = None if request is None else conversion.feeds(request)
    served = serve(job.spec, OnnxModel(model, graph.inputs, graph.outputs, feeds))
    return served, f"{served.name}, {served.files.size:,} bytes"
