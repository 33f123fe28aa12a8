"""The configuration files of a Hugging Face folder: the kind of its model, and what is refused.

A file or a key that changes the model's answers, and that the converter does not support, is
refused by its name.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lading.model_packaging.errors import ConversionError, SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec

CONFIG, TOKENIZER = "config.json", "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
PROCESSOR = "preprocessor_config.json"
MODULES = "modules.json"

_KINDS = {
    "ForSequenceClassification": "classification",
    "ForTokenClassification": "tokens",
    "ForImageClassification": "images",
    "Model": "embedding",
}
"""Suffix of an architecture's name -> the kind of its answers."""

_IMAGES = "ForImageClassification"
_GENERATES = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "ForSeq2SeqLM")

_NEEDED = {
    "images": (PROCESSOR, "save it with image_processor.save_pretrained"),
    "texts": (TOKENIZER, "save it with tokenizer.save_pretrained of a fast tokenizer"),
}

_CROSS_ENCODER = ("sentence_transformers", "sbert_ce_default_activation_function")
"""Keys in the config.json of sentence-transformers' cross-encoders."""


@dataclass(frozen=True, slots=True)
class Folder:
    """The kind of a folder, from its own files.

    Args:
        kind: `classification`, `tokens`, `embedding` or `images`.
        function: the function of the logits that config.json names; empty if it names none.
        sentences: whether it is a model of sentence-transformers, with a modules.json.
    """

    kind: str
    function: str
    sentences: bool


def holds_images(spec: ModelSpec) -> bool:
    """Return whether the folder is an image classifier.

    Raises:
        SourceUnreadable: it has no readable config.json.
    """
    return _architecture(read_json(spec, CONFIG)).endswith(_IMAGES)


def read_folder(spec: ModelSpec) -> Folder:
    """Read the kind of the folder.

    Raises:
        SourceUnreadable: a file is missing or damaged.
        ConversionError: its kind of model is not supported.
    """
    config = read_json(spec, CONFIG)
    sentences = (spec.source / MODULES).is_file()
    kind = "embedding" if sentences else _kind(spec, config)
    _refuse_unsupported(spec, config)
    needed, advice = _NEEDED["images" if kind == "images" else "texts"]
    if not (spec.source / needed).is_file():
        raise SourceUnreadable(spec.name, spec.source, f"has no {needed}; {advice}")
    return Folder(kind, str(config.get("function_to_apply") or "").lower(), sentences)


def encoder_class(spec: ModelSpec) -> str | None:
    """Return the class that loads only the encoder of a model such as T5; None for others."""
    name = _architecture(read_json(spec, CONFIG))
    return name if name.endswith("EncoderModel") else None


def read_json(spec: ModelSpec, name: str) -> dict[str, Any]:
    """Return the JSON object in a file of the folder.

    Raises:
        SourceUnreadable: the file is missing, damaged, or lies outside the folder.
    """
    document = read_document(spec, name)
    if not isinstance(document, dict):
        raise SourceUnreadable(spec.name, spec.source, f"has a {name} that is not a JSON object")
    return document


def read_document(spec: ModelSpec, name: str) -> Any:
    """Return the contents of a JSON file of the folder; see `read_json`."""
    try:
        return json.loads(inside(spec, name).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        reason = f"has no readable {name}: {error}"
        raise SourceUnreadable(spec.name, spec.source, reason) from error


def inside(spec: ModelSpec, name: str) -> Path:
    """Return the path of a file in the folder.

    Raises:
        SourceUnreadable: it lies outside the folder.
    """
    path = spec.source / name
    if not path.resolve().is_relative_to(spec.source.resolve()):
        raise SourceUnreadable(spec.name, spec.source, f"names '{name}', outside the folder")
    return path


def _architecture(config: Mapping[str, Any]) -> str:
    return str((config.get("architectures") or [""])[0])


def _kind(spec: ModelSpec, config: Mapping[str, Any]) -> str:
    name = _architecture(config)
    if name.endswith(_GENERATES):
        advice = "set target: sagemaker and an engine such as vllm"
        raise ConversionError(spec.name, f"is a {name}, which generates text; {advice}")
    for end, kind in _KINDS.items():
        if name.endswith(end):
            return kind
    known = ", ".join(f"...{end}" for end in _KINDS)
    reason = f"has the architecture '{name}'; {known} are supported; export others to ONNX"
    raise ConversionError(spec.name, reason)


def _refuse_unsupported(spec: ModelSpec, config: Mapping[str, Any]) -> None:
    for name in (CONFIG, TOKENIZER_CONFIG, PROCESSOR):
        if (spec.source / name).is_file() and read_json(spec, name).get("auto_map"):
            advice = "remove auto_map if the model works with the class of transformers itself"
            reason = f"contains custom code, which is not run: auto_map in {name}; {advice}"
            raise SourceUnreadable(spec.name, spec.source, reason)
    if any(key in config for key in _CROSS_ENCODER):
        reason = "is a cross-encoder, which scores pairs of texts; only single texts are supported"
        raise ConversionError(spec.name, reason)
    if config.get("quantization_config"):
        reason = "has quantized weights: quantization_config in config.json"
        raise ConversionError(spec.name, f"{reason}; save it in float32 or float16")
    if (spec.source / "adapter_config.json").is_file():
        advice = "merge it with merge_and_unload, and save the merged model"
        raise ConversionError(spec.name, f"contains an adapter, adapter_config.json; {advice}")
