"""Language models for the SageMaker vLLM container.

It takes vLLM's arguments as environment variables: `SM_VLLM_MAX_MODEL_LEN=4096` becomes
`--max-model-len 4096`, and a flag is `true` or left out.
https://aws.github.io/deep-learning-containers/vllm/configuration/
"""

from collections.abc import Mapping
from typing import Final

from lading.model_packaging.engines.language_models import language_model_files
from lading.model_packaging.engines.serving import MODEL_FOLDER, OnnxModel, Serving
from lading.model_packaging.manifest.engine_options import (
    Flag,
    OptionRule,
    Share,
    Value,
    Whole,
    WithheldOption,
    Word,
)
from lading.model_packaging.manifest.entries import EngineName
from lading.model_packaging.manifest.models import ModelSpec

_NO_CODE = "no code of a model runs where it is served"
_OURS = "Lading sets it"

COMMON_RULES: Mapping[str, OptionRule] = {
    "dtype": Word(("auto", "half", "float16", "bfloat16", "float", "float32")),
    "enable_chunked_prefill": Flag(),
    "enable_prefix_caching": Flag(),
    "enforce_eager": Flag(),
    "gpu_memory_utilization": Share(),
    "kv_cache_dtype": Word(),
    "max_model_len": Whole(),
    "max_num_batched_tokens": Whole(),
    "max_num_seqs": Whole(),
    "quantization": Word(),
    "seed": Whole(0),
    "trust_remote_code": WithheldOption(_NO_CODE),
    "model": WithheldOption(_OURS),
}
"""Arguments of vLLM's engine, which DJL-LMI hands on to it."""

RULES: Mapping[str, OptionRule] = {
    **COMMON_RULES,
    "disable_log_requests": Flag(),
    "enable_auto_tool_choice": Flag(),
    "pipeline_parallel_size": Whole(1, 64),
    "reasoning_parser": Word(),
    "tensor_parallel_size": Whole(1, 64),
    "tool_call_parser": Word(),
    "host": WithheldOption(_OURS),
    "port": WithheldOption(_OURS),
    "served_model_name": WithheldOption(_OURS),
}

_PREFIX = "SM_VLLM_"


class VllmEngine:
    """See `serving.Engine`."""

    name: Final[EngineName] = "vllm"
    takes_onnx = False
    rules = RULES

    def write(
        self,
        spec: ModelSpec,
        options: Mapping[str, Value],
        model: OnnxModel | None,  # noqa: ARG002 - a language model is not converted
    ) -> Serving:
        """See `Engine.write`."""
        given = {"model": MODEL_FOLDER, "served_model_name": spec.name, **options}
        return Serving(
            language_model_files(spec),
            {
                f"{_PREFIX}{key.upper()}": "true" if value is True else str(value)
                for key, value in given.items()
                if value is not False
            },
        )


ENGINE = VllmEngine()
