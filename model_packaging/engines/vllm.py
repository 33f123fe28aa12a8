"""Language models for the SageMaker vLLM container.

vLLM's arguments are environment variables: `SM_VLLM_MAX_MODEL_LEN=4096` becomes
`--max-model-len 4096`, and a flag is `true` or absent.
https://aws.github.io/deep-learning-containers/vllm/configuration/
"""

from collections.abc import Mapping

from lading.model_packaging.engines.language_models import language_model_files
from lading.model_packaging.engines.serving import MODEL_FOLDER, Converted, Engine, Serving
from lading.model_packaging.manifest.engine_options import (
    FLAG,
    SHARE,
    WORD,
    OptionRule,
    Value,
    one_of,
    whole,
    withheld,
)
from lading.model_packaging.manifest.models import ModelSpec

_NO_CODE = "models must not run code where they are served"
_OURS = "Lading sets it"

COMMON_RULES: Mapping[str, OptionRule] = {
    "dtype": one_of("auto", "half", "float16", "bfloat16", "float", "float32"),
    "enable_chunked_prefill": FLAG,
    "enable_prefix_caching": FLAG,
    "enforce_eager": FLAG,
    "gpu_memory_utilization": SHARE,
    "kv_cache_dtype": WORD,
    "max_model_len": whole(),
    "max_num_batched_tokens": whole(),
    "max_num_seqs": whole(),
    "quantization": WORD,
    "seed": whole(0),
    "trust_remote_code": withheld(_NO_CODE),
    "model": withheld(_OURS),
}
"""Arguments of vLLM's engine, which DJL-LMI passes on to it."""

RULES: Mapping[str, OptionRule] = {
    **COMMON_RULES,
    "disable_log_requests": FLAG,
    "enable_auto_tool_choice": FLAG,
    "pipeline_parallel_size": whole(1, 64),
    "reasoning_parser": WORD,
    "tensor_parallel_size": whole(1, 64),
    "tool_call_parser": WORD,
    "host": withheld(_OURS),
    "port": withheld(_OURS),
    "served_model_name": withheld(_OURS),
}

_PREFIX = "SM_VLLM_"


def _write(spec: ModelSpec, options: Mapping[str, Value], _model: Converted | None) -> Serving:
    given = {"model": MODEL_FOLDER, "served_model_name": spec.name, **options}
    return Serving(
        language_model_files(spec),
        {
            f"{_PREFIX}{key.upper()}": "true" if value is True else str(value)
            for key, value in given.items()
            if value is not False
        },
    )


ENGINE = Engine("vllm", takes_onnx=False, rules=RULES, write=_write)
