"""Language models for DJL Serving's large model container (LMI), which runs vLLM in it.

A `serving.properties` beside the model says how; what stands in it is part of the artifact.
https://github.com/deepjavalibrary/djl-serving/tree/master/serving/docs/lmi
"""

from collections.abc import Mapping
from typing import Final

from lading.model_packaging.engines.language_models import language_model_files
from lading.model_packaging.engines.serving import OnnxModel, Serving
from lading.model_packaging.engines.vllm import COMMON_RULES
from lading.model_packaging.errors import SourceError
from lading.model_packaging.manifest.engine_options import OptionRule, Value, Whole
from lading.model_packaging.manifest.entries import EngineName
from lading.model_packaging.manifest.models import ModelSpec

PROPERTIES = "serving.properties"

RULES: Mapping[str, OptionRule] = {
    **COMMON_RULES,
    "max_rolling_batch_size": Whole(1, 4096),
    "model_loading_timeout": Whole(1, 3600),
    "tensor_parallel_degree": Whole(1, 64, ("max",)),
}

_ASYNC_VLLM = {
    "engine": "Python",
    "option.async_mode": "true",
    "option.entryPoint": "djl_python.lmi_vllm.vllm_async_service",
    "option.rolling_batch": "disable",
}
"""The handler that gives every request to vLLM as it comes, and streams its answer."""


class DjlLmiEngine:
    """See `serving.Engine`."""

    name: Final[EngineName] = "djl-lmi"
    takes_onnx = False
    rules = RULES

    def write(
        self,
        spec: ModelSpec,
        options: Mapping[str, Value],
        model: OnnxModel | None,  # noqa: ARG002 - a language model is not converted
    ) -> Serving:
        """See `Engine.write`."""
        files = language_model_files(spec)
        if PROPERTIES in files:
            reason = f"holds a {PROPERTIES}; say that in models.{spec.name}.engine.options instead"
            raise SourceError(spec.name, spec.source, reason)
        given = {"tensor_parallel_degree": "max", **options}
        properties = _ASYNC_VLLM | {f"option.{key}": _text(given[key]) for key in sorted(given)}
        lines = "".join(f"{key}={value}\n" for key, value in properties.items())
        return Serving({**files, PROPERTIES: lines.encode()})


ENGINE = DjlLmiEngine()


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
