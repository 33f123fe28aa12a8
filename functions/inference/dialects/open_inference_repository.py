"""Triton's extensions of the Open Inference Protocol about models, not about tensors.

The repository index, load and unload, a model's configuration, and statistics. Formats: Triton's
`docs/protocol/extension_{model_repository,model_configuration,statistics}.md`. A server with
a folder of models can load and unload; in the cloud the deployment decides what is served.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from lading.functions.contract.errors import MalformedRequest, Unsupported
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.loading.catalog import CatalogModel, Control
from lading.functions.inference.models.call import Call
from lading.functions.inference.models.statistics import SPANS, Statistics, VersionStatistics
from lading.functions.inference.tensors import json_values as json_codec
from lading.functions.inference.wire.messages import Response, json_response

_SPANS: Final = ("success", "fail", "queue", *SPANS.values(), "cache_hit", "cache_miss")
_TYPES: Final = MappingProxyType({"BYTES": "TYPE_STRING"})


def index(call: Call) -> Response:
    """List every version that is served, and the other models that may be loaded."""
    document = json_codec.loads(call.request.body) if call.request.body else {}
    ready_only = document.get("ready", False) if isinstance(document, dict) else None
    if not isinstance(ready_only, bool):
        raise MalformedRequest("the request must be a JSON object whose 'ready' is true or false")
    served = [_indexed(model) for model in call.catalog.models()]
    entries = [entry for each in served for entry in each]
    if call.catalog.control is not None:
        known = set(call.catalog.names())
        entries += [{"name": n} for n in call.catalog.control.available() if n not in known]
    if ready_only:
        entries = [entry for entry in entries if entry.get("state") == "READY"]
    return json_response(entries)


def _indexed(model: CatalogModel) -> list[dict[str, Any]]:
    reasons = {version: model.failure(version) for version in sorted(model.versions)}
    return [
        {
            "name": model.name,
            "version": str(version),
            "state": "UNAVAILABLE" if reason else "READY",
            "reason": reason,
        }
        for version, reason in reasons.items()
    ]


def load(call: Call) -> Response:
    """Load a model, or load it again.

    Raises:
        Unsupported: models are deployed here, or a configuration is sent.
        NotFound: no model of this name exists.
        ModelUnavailable: it does not load.
    """
    control = _explicit(call)
    if _parameters(call):
        raise Unsupported("a model is loaded as it was packaged; remove 'config' and 'file:'")
    control.load(call.parameters["model"])
    return json_response({})


def unload(call: Call) -> Response:
    """Unload a model.

    Raises:
        Unsupported: models are deployed here.
        NotFound: it is not served.
    """
    control = _explicit(call)
    _parameters(call)
    control.unload(call.parameters["model"])
    return json_response({})


def _explicit(call: Call) -> Control:
    control = call.catalog.control
    if control is None or not control.explicit:
        raise Unsupported(
            "explicit model load / unload is not allowed: the deployment decides what is served"
        )
    return control


def _parameters(call: Call) -> Mapping[str, Any]:
    document = json_codec.loads(call.request.body) if call.request.body else {}
    parameters = document.get("parameters", {}) if isinstance(document, dict) else None
    if not isinstance(parameters, dict):
        raise MalformedRequest("the request must be a JSON object whose 'parameters' is an object")
    return parameters


def config(call: Call) -> Response:
    """Describe a version's configuration: its tensors and its platform.

    Raises:
        NotFound: it is not served.
        ModelUnavailable: it failed to load.
    """
    metadata = call.predictor().metadata
    return json_response(
        {
            "name": metadata.name,
            "platform": metadata.platform,
            "backend": metadata.platform.partition("_")[0],
            "version_policy": {"specific": {"versions": [metadata.version]}},
            "max_batch_size": 0,
            "input": [_configured(spec) for spec in metadata.inputs],
            "output": [_configured(spec) for spec in metadata.outputs],
        }
    )


def _configured(spec: TensorSpec) -> dict[str, Any]:
    datatype = _TYPES.get(spec.datatype, f"TYPE_{spec.datatype}")
    return {"name": spec.name, "data_type": datatype, "dims": list(spec.shape)}


def statistics(call: Call) -> Response:
    """Return the statistics of a model or of all models; see `count`."""
    return json_response({"model_stats": count(call)})


def count(call: Call) -> list[dict[str, Any]]:
    """Count the answers of a model's versions, or of all models, in this process.

    A server counts. A function runs in many copies, so it answers with zeros, which clients
    accept; its counts are in CloudWatch.

    Raises:
        NotFound: it is not served.
    """
    models = call.catalog.models()
    versions = [(model.name, version) for model in models for version in sorted(model.versions)]
    if "model" in call.parameters:
        model = call.model()
        wanted = sorted(model.versions)
        if "version" in call.parameters:
            wanted = [call.find_version()[1]]
        versions = [(model.name, version) for version in wanted]
    control = call.catalog.control
    kept = Statistics() if control is None else control.statistics
    return [_counted(kept.of(*each), *each) for each in versions]


def _counted(tally: VersionStatistics, name: str, version: int) -> dict[str, Any]:
    spans = {
        span: {"count": tally.counts.get(span, 0), "ns": tally.nanoseconds.get(span, 0)}
        for span in _SPANS
    }
    return {
        "name": name,
        "version": str(version),
        "last_inference": tally.last_ms,
        "inference_count": tally.counts.get("success", 0),
        "execution_count": tally.counts.get("success", 0),
        "inference_stats": spans,
        "batch_stats": [],
        "memory_usage": [],
    }
