"""ONNX models for Triton: a model repository whose model is called `model`.

model/config.pbtxt         the model's configuration (`triton_config`)
model/<number>/model.onnx  the model; `triton_config.derive_number` makes the number
model/warmup/…             the raw inputs of a golden request, answered before Triton is ready

A graph has an ensemble in its place; see `triton_ensemble`.
"""

import struct
from collections.abc import Iterable, Mapping
from typing import Any

from lading.functions.inference.tensors.bfloat16 import BFloat16, to_bits
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.engines.serving import Converted, Engine, OnnxEnsemble, Serving
from lading.model_packaging.engines.triton_config import (
    NAME,
    ONNX_FILE,
    Sample,
    TritonSettings,
    derive_number,
    render_config,
)
from lading.model_packaging.engines.triton_ensemble import ensemble_files
from lading.model_packaging.manifest.engine_options import FLAG, OptionRule, Value, one_of, whole
from lading.model_packaging.manifest.models import ModelSpec

_ENVIRONMENT = {"SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": NAME}

RULES: Mapping[str, OptionRule] = {
    "max_batch_size": whole(1, 1 << 16),
    "max_queue_delay_us": whole(0, 10_000_000),
    "instances": whole(1, 64),
    "device": one_of("auto", "gpu", "cpu"),
    "accelerator": one_of("cuda", "tensorrt"),
    "precision": one_of("fp32", "fp16"),
    "warm_up": FLAG,
    "archive": FLAG,
}
"""See `triton_config.TritonSettings`; warm_up: answer a golden request before being ready; archive:
one model.tar.gz instead of the files, which Batch Transform needs."""

_OWN = ("warm_up", "archive")


def _write(_spec: ModelSpec, options: Mapping[str, Value], model: Converted | None) -> Serving:
    assert model is not None  # takes_onnx
    given: dict[str, Any] = {key: value for key, value in options.items() if key not in _OWN}
    archive = options.get("archive") is True
    if isinstance(model, OnnxEnsemble):
        files = ensemble_files(model, TritonSettings(**given))
        return Serving(files, _ENVIRONMENT, archive=archive)
    request = model.request if options.get("warm_up", True) else None
    sample, files = _sample(request)
    config = render_config(model.inputs, model.outputs, TritonSettings(**given), sample)
    files[f"{NAME}/config.pbtxt"] = config
    number = derive_number({**files, ONNX_FILE: model.content})
    contents = {**files, f"{NAME}/{number}/{ONNX_FILE}": model.content}
    return Serving(contents, _ENVIRONMENT, archive=archive)


def model_file(files: Iterable[str]) -> str | None:
    """Return the path of a repository's only ONNX model; None: there is none, or an ensemble."""
    found = [path for path in files if path.endswith(f"/{ONNX_FILE}")]
    return found[0] if len(found) == 1 and found[0].startswith(f"{NAME}/") else None


def _sample(request: Mapping[str, Array] | None) -> tuple[Sample | None, dict[str, bytes]]:
    """Return a request as a warm-up sample, and its files."""
    if request is None:
        return None, {}
    files = {name: f"golden-{number}" for number, name in enumerate(request)}
    shapes = {name: array.shape for name, array in request.items()}
    contents = {f"{NAME}/warmup/{files[name]}": _raw(array) for name, array in request.items()}
    return Sample(shapes, files), contents


def _raw(array: Array) -> bytes:
    """Numbers in row-major order; texts with their length in four bytes in front."""
    if array.dtype.kind == "O":
        return b"".join(struct.pack("<I", len(text)) + text for text in array.flat)
    return (to_bits(array) if isinstance(array, BFloat16) else array).tobytes()


ENGINE = Engine("triton", takes_onnx=True, rules=RULES, write=_write)
