"""A tiny language model's folder, as `save_pretrained` writes one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.manifest.entries import EngineSpec
from lading.model_packaging.manifest.models import ModelSpec


def language_model(folder: Path, **files: bytes) -> Path:
    """config.json, a tokenizer and safetensors weights in two parts with their index."""
    folder.mkdir(parents=True)
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 8}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text("{}")
    parts: dict[str, dict[str, Array]] = {
        "model-00001-of-00002.safetensors": {"embed": np.zeros((8, 4), np.float32)},
        "model-00002-of-00002.safetensors": {"head": np.ones((4, 8), np.float16)},
    }
    for name, tensors in parts.items():
        save_file(tensors, folder / name, {"format": "pt"})
    index = {key: name for name, tensors in parts.items() for key in tensors}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def spec_of(source: Path, engine: Any = "vllm", **options: Any) -> ModelSpec:
    """A model of this source for an engine with these options."""
    serving = EngineSpec(engine, "image" if engine == "container" else None, options)
    return ModelSpec("chat", source, target="sagemaker", engine=serving)
