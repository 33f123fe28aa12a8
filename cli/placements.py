"""Where the packaged models of a project fit best, and what that costs."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from pathlib import Path

from lading.api.locked import chosen_version
from lading.api.progress import show_steps
from lading.cli.errors import CliError
from lading.functions.inference.artifact.specification import REPORT
from lading.model_packaging.check.probes import Request
from lading.model_packaging.check.samples import make_up
from lading.model_packaging.engines.triton_config import ONNX_FILE
from lading.model_packaging.graphs.footprint import measure_graph
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.measure.peak_memory import Footprint, measure
from lading.model_packaging.native.own_packages import packages_bytes
from lading.model_packaging.placement.needs import Needs
from lading.model_packaging.placement.prices import Prices
from lading.model_packaging.placement.targets import Placement, place
from lading.model_packaging.store.publication import Published
from lading.model_packaging.store.transfer import read_nearest


def placements_of(
    specs: Sequence[ModelSpec], lock: Path, prices: Prices, requests: int
) -> Mapping[str, Placement]:
    """Place the served version of each model, for this number of requests in a month.

    Raises:
        NothingLocked: a model is not packaged.
        DoesNotFit: no target can serve it.
    """
    return {spec.name: place(needs_of(lock, spec.name), prices, requests) for spec in specs}


def needs_of(lock: Path, name: str) -> Needs:
    """Return the measurements of the served version; measured here if packaging's are lost."""
    version = chosen_version(lock, name)
    entry = read_lock(lock).model(name).versions[version]
    published = read_nearest(name, version, entry, lock)
    engine, artifact = published.engine, published.artifact
    if engine is not None and not artifact.outputs:  # a language model
        return Needs(name, engine.size, converted=False)
    if engine is None:
        models = [artifact.model]
    else:
        files = (path for path in engine.files if path.endswith(f"/{ONNX_FILE}"))
        models = [b"".join(engine.read(path)) for path in files]
    models += [each.model for each in (*artifact.parts()[1:], *artifact.others.values())]
    report = published.files.get(REPORT, b"")
    footprint = _reported(report)
    if footprint is None:
        request = next(make_up(name, artifact.inputs).requests(1))
        with show_steps() as show:
            show(f"measure {name}")
            footprint = _measured(published, name, models, request)
    size = sum(map(len, models))
    measured = Needs(name, size, True, *astuple(footprint))
    runtime = artifact.native.runtime if artifact.native else ""
    packages = packages_bytes(artifact.native)
    return replace(measured, load_ms=_load_ms(report), runtime=runtime, packages_bytes=packages)


def _measured(
    published: Published, name: str, models: Sequence[bytes], request: Request
) -> Footprint:
    """Measure a version here.

    Raises:
        CliError: it is a graph with models that engines serve.
    """
    artifact = published.artifact
    if "ensemble" in artifact.specification:
        raise CliError(f"the measurements of {name} are lost; package it again")
    if artifact.graph is None:
        return measure(name, models, request, artifact.native)
    if artifact.engine_name():
        raise CliError(f"the measurements of {name} are lost, and endpoints answer for its models")
    return measure_graph(name, published.files, {}, request)


def _load_ms(report: bytes) -> float:
    """Return the time to load the model, from report.json; 0 when it cannot be right."""
    try:
        found = float(json.loads(report)["latency"]["load_ms"])
    except (ValueError, KeyError, TypeError, OverflowError):
        return 0
    return found if 0 < found < math.inf else 0


def _reported(report: bytes) -> Footprint | None:
    """Return the figures of report.json, which no digest covers; None when they cannot be right."""
    try:
        found = json.loads(report)["footprint"]
        figures = Footprint(
            int(found["peak_bytes"]), float(found["one_processor_ms"]), int(found["request_bytes"])
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    return figures if all(0 < figure < math.inf for figure in astuple(figures)) else None
