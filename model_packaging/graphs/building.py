"""Makes the artifact of a graph: tries its models together, and measures the whole.

A graph has no original to agree with. Instead the accuracy gate compares it with the graph that the
label stable has now, on the same held-out rows: a new version of one of its models is a new version
of the graph, and may not make its answers worse by more than the manifest allows.
"""

from dataclasses import astuple, replace

from lading.functions.contract.errors import InferenceError
from lading.functions.inference.graphs.predictor import GraphPredictor
from lading.functions.inference.tensors.conversion import datatype_of
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.check.golden import golden_requests
from lading.model_packaging.check.samples import Samples
from lading.model_packaging.engines.served import Served, serve
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.explanations.stage import Subject, explain_stage
from lading.model_packaging.graphs.draft import Draft, TriedGraph
from lading.model_packaging.graphs.footprint import measure_graph
from lading.model_packaging.graphs.job import GraphJob
from lading.model_packaging.graphs.merging import Merged, difference, merged
from lading.model_packaging.graphs.rows import answered, one_of_each_way, rows_for
from lading.model_packaging.graphs.triton import computed
from lading.model_packaging.measure.accuracy import Gate, gate_stage
from lading.model_packaging.measure.baseline import baseline_stage
from lading.model_packaging.measure.benchmark import Latency, time_loaded
from lading.model_packaging.measure.peak_memory import Footprint
from lading.model_packaging.placement.decision import Decision, fitting
from lading.model_packaging.placement.needs import Needs
from lading.model_packaging.stages import Stages
from lading.model_packaging.store.publication import Built


def build_graph(job: GraphJob, identity: str, stages: Stages) -> Built:
    """Try a graph, measure it, and return the files of its artifact.

    Raises:
        PackagingError: a stage failed.
    """
    draft = Draft(job, identity, job.wired.nodes, job.code)
    samples, served = stages.run("check", _check, draft)
    merging = stages.run("merge", _merge, draft, samples, served)
    draft = replace(draft, nodes=merging.nodes, own={**job.code, **merging.files})
    served = draft.predictor()
    gate = _gate(job, samples, served)
    change = stages.run("gate", gate_stage, gate, served.predict, lossy=job.before is not None)
    latency = stages.run("benchmark", _benchmark, draft, samples)
    footprint, decision = stages.run("placement", _place, draft, samples, latency)
    golden = stages.run("golden", _golden, samples, served)
    baseline = stages.run("baseline", _baseline, job, samples, served)
    subject = _subject(job, samples, served, gate)
    explained = stages.run("explain", explain_stage, subject, decision.target)
    engine = stages.run("engine", _serve, job, samples, served)
    measured = change, latency, footprint, decision, golden, baseline, explained, engine
    return draft.written(TriedGraph(*measured, stages.cpu_seconds))


def _check(draft: Draft) -> tuple[tuple[Samples, GraphPredictor], str]:
    """Answer rows, and compare each answer with the signature."""
    job, predictor = draft.job, draft.predictor()
    rows = rows_for(job.spec, job.wired, job.nodes, images=job.takes_images)
    samples = answered(rows, predictor.predict)
    for request in samples.requests(32):
        try:
            answer = predictor.predict(request)
        except InferenceError as error:
            raise ConversionError(job.spec.name, f"cannot answer its rows: {error}") from error
        for spec in job.wired.outputs:
            found = answer[spec.name]
            fits = len(found.shape) == len(spec.shape) and all(
                size in (-1, have) for size, have in zip(spec.shape, found.shape, strict=True)
            )
            if datatype_of(found) != spec.datatype or not fits:
                reason = (
                    f"returns '{spec.name}' as {datatype_of(found)} of shape {list(found.shape)}, "
                    f"not {spec.datatype} of {list(spec.shape)}"
                )
                raise ConversionError(job.spec.name, reason)
    return (samples, predictor), f"answers {samples.rows:,} rows from {samples.origin}"


def _merge(draft: Draft, samples: Samples, served: GraphPredictor) -> tuple[Merged, str]:
    graph = draft.job.spec.graph
    if graph is None or not graph.merge:
        return Merged(draft.nodes, {}), "none: the manifest does not ask for it"

    def answer(found: Merged) -> Model:
        files = {**draft.own, **found.files}
        return replace(draft, nodes=found.nodes, own=files).predictor().predict

    return merged(draft.nodes, draft.job.nodes, [*samples.requests(32)], served.predict, answer)


def _gate(job: GraphJob, samples: Samples, served: GraphPredictor) -> Gate | None:
    if job.spec.accuracy is None:
        return None
    return Gate(job.spec, samples, job.before or served.predict)


def _benchmark(draft: Draft, samples: Samples) -> tuple[Latency, str]:
    latency = time_loaded(lambda: draft.predictor().predict, next(samples.requests(1)))
    return latency, f"p50 {latency.p50_ms:g} ms, p95 {latency.p95_ms:g} ms, one row at a time"


def _place(
    draft: Draft, samples: Samples, latency: Latency
) -> tuple[tuple[Footprint, Decision], str]:
    spec, nodes = draft.job.spec, draft.job.nodes
    request = next(samples.requests(1))
    footprint = measure_graph(spec.name, draft.files(), nodes, request)
    measured = Needs(spec.name, draft.size(), True, *astuple(footprint))
    needs = replace(measured, load_ms=latency.load_ms)
    decision, outcome = fitting(spec.target, needs)
    return (footprint, decision), outcome


def _golden(samples: Samples, served: GraphPredictor) -> tuple[bytes, str]:
    more = one_of_each_way(samples, served.predict)
    content, count = golden_requests(samples, served.predict, more, quantized=False)
    return content, f"{count} requests, {len(content):,} bytes"


def _serve(job: GraphJob, samples: Samples, served: GraphPredictor) -> tuple[Served | None, str]:
    """Prepare the graph for Triton, and hold what it computes to the graph's own answers."""
    if job.ensemble is None:
        return None, "none: Lambda runs the graph itself"
    requests = [*samples.requests(32)]
    reason = difference(requests, served.predict, computed(job.ensemble))
    if reason:
        raise ConversionError(
            job.spec.name, f"is answered otherwise by Triton's ensemble: {reason}"
        )
    engine = serve(job.spec, job.ensemble)
    return engine, f"{engine.name}, an ensemble of {len(job.ensemble.steps)} steps"


def _baseline(job: GraphJob, samples: Samples, served: GraphPredictor) -> tuple[bytes | None, str]:
    real, files = job.spec.accuracy is not None, job.takes_images
    return baseline_stage(samples, served.predict, job.wired.outputs, real=real, files=files)


def _subject(job: GraphJob, samples: Samples, served: GraphPredictor, gate: Gate | None) -> Subject:
    real = job.spec.accuracy is not None
    return Subject(job.spec, served.metadata, served.predict, job.steps, samples, real, gate)
