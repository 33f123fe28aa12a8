"""Language models for DJL Serving's large model inference container (LMI), which runs vLLM.

A `serving.properties` beside the model configures it; the file is part of the artifact.
https://github.com/deepjavalibrary/djl-serving/tree/master/serving/docs/lmi
"""

from collections.abc import Mapping

from lading.model_packaging.engines.language_models import language_model_files
from lading.model_packaging.engines.serving import Converted, Engine, Serving
from lading.model_packaging.engines.vllm import COMMON_RULES
from lading.model_packaging.errors import SourceError
from lading.model_packaging.manifest.engine_options import OptionRule, Value, whole
from lading.model_packaging.manifest.models import ModelSpec

PROPERTIES = "serving.properties"

RULES: Mapping[str, OptionRule] = {
    **COMMON_RULES,
    "max_rolling_batch_size": whole(1, 4096),
    "model_loading_timeout": whole(1, 3600),
    "tensor_parallel_degree": whole(1, 64, "max"),
}

_ASYNC_VLLM = {
    "engine": "Python",
    "option.async_mode": "true",
    "option.entryPoint": "djl_python.lmi_vllm.vllm_async_service",
    "option.rolling_batch": "disable",
}
"""The handler that passes every request to vLLM at once, and streams its answer."""


def _write(spec: ModelSpec, options: Mapping[str, Value], _model: Converted | None) -> Serving:
    files = language_model_files(spec)
    if PROPERTIES in files:
        reason = f"contains a {PROPERTIES}; use models.{spec.name}.engine.options instead"
        raise SourceError(spec.name, spec.source, reason)
    given = {"tensor_parallel_degree": "max", **options}
    properties = _ASYNC_VLLM | {f"option.{key}": _text(given[key]) for key in sorted(given)}
    lines = "".join(f"{key}={value}\n" for key, value in properties.items())
    return Serving({**files, PROPERTIES: lines.encode()})


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


ENGINE = Engine("djl-lmi", takes_onnx=False, rules=RULES, write=_write)
