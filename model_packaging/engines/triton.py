"""ONNX models for Triton: a model repository with one model, which is called `model`.

model/config.pbtxt     what Triton must know (`triton_config`)
model/1/model.onnx     the model
model/warmup/…         the inputs of a golden request, raw, answered before Triton is ready
"""

import struct
from collections.abc import Mapping
from typing import Any, Final

from lading.functions.inference.tensors.bfloat16 import BFloat16, to_bits
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.engines.serving import OnnxModel, Serving
from lading.model_packaging.engines.triton_config import NAME, Sample, TritonSettings, render_config
from lading.model_packaging.manifest.engine_options import Flag, OptionRule, Value, Whole, Word
from lading.model_packaging.manifest.entries import EngineName
from lading.model_packaging.manifest.models import ModelSpec

MODEL_FILE = f"{NAME}/1/model.onnx"

RULES: Mapping[str, OptionRule] = {
    "max_batch_size": Whole(1, 1 << 16),
    "max_queue_delay_us": Whole(0, 10_000_000),
    "instances": Whole(1, 64),
    "device": Word(("auto", "gpu", "cpu")),
    "accelerator": Word(("cuda", "tensorrt")),
    "precision": Word(("fp32", "fp16")),
    "warm_up": Flag(),
}
"""See `triton_config.Settings`; warm_up: answer a golden request before being ready."""


class TritonEngine:
    """See `serving.Engine`."""

    name: Final[EngineName] = "triton"
    takes_onnx = True
    rules = RULES

    def write(
        self,
        spec: ModelSpec,  # noqa: ARG002 - Triton knows the model by another name
        options: Mapping[str, Value],
        model: OnnxModel | None,
    ) -> Serving:
        """See `Engine.write`."""
        assert model is not None  # takes_onnx
        given: dict[str, Any] = {key: value for key, value in options.items() if key != "warm_up"}
        sample, files = _sample(model.request) if options.get("warm_up", True) else (None, {})
        config = render_config(model.inputs, model.outputs, TritonSettings(**given), sample)
        return Serving(
            {f"{NAME}/config.pbtxt": config, MODEL_FILE: model.content, **files},
            {"SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": NAME},
        )


ENGINE = TritonEngine()


def _sample(request: Mapping[str, Array] | None) -> tuple[Sample | None, dict[str, bytes]]:
    """A request as a warm-up sample, and its files."""
    if request is None:
        return None, {}
    files = {name: f"golden-{number}" for number, name in enumerate(request)}
    shapes = {name: array.shape for name, array in request.items()}
    contents = {f"{NAME}/warmup/{files[name]}": _raw(array) for name, array in request.items()}
    return Sample(shapes, files), contents


def _raw(array: Array) -> bytes:
    """Numbers in row-major order; of a text its length in four bytes, and itself."""
    if array.dtype.kind == "O":
        return b"".join(struct.pack("<I", len(text)) + text for text in array.flat)
    return (to_bits(array) if isinstance(array, BFloat16) else array).tobytes()
