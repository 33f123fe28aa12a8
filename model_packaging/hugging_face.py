"""A Hugging Face folder as a torch module and as its original: what kind it is, what it answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_packaging.errors import ConversionError, SourceUnreadable
from model_packaging.manifest import ModelSpec

CONFIG, TOKENIZER = "config.json", "tokenizer.json"
PROCESSOR = "preprocessor_config.json"

_KINDS = {
    "ForSequenceClassification": "classification",
    "ForTokenClassification": "tokens",
    "Model": "embedding",
}
"""End of an architecture's name -> what it answers."""

_IMAGES = "ForImageClassification"
_GENERATES = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "ForSeq2SeqLM")


@dataclass(frozen=True, slots=True)
class Folder:
    """What a folder's own files say.

    Args:
        kind: `classification`, `tokens` or `embedding`.
        labels: of classes, in the model's order.
        max_length: where texts are cut, in tokens.
        pooling: `mean` or `cls`, of an embedding.
        normalized: whether an embedding has length 1.
        vocabulary: how many tokens the model knows.
    """

    kind: str
    labels: tuple[str, ...]
    max_length: int
    pooling: str
    normalized: bool
    vocabulary: int


def holds_images(spec: ModelSpec) -> bool:
    """Whether the folder is that of an image classifier.

    Raises:
        SourceUnreadable: it has no readable config.json.
        ConversionError: it has no image processor.
    """
    if not _architecture(_json(spec, CONFIG)).endswith(_IMAGES):
        return False
    if not (spec.source / PROCESSOR).is_file():
        reason = f"has no {PROCESSOR}; save it with image_processor.save_pretrained"
        raise SourceUnreadable(spec.name, spec.source, reason)
    return True


def _architecture(config: Mapping[str, Any]) -> str:
    return str((config.get("architectures") or [""])[0])


def read_folder(spec: ModelSpec) -> Folder:
    """What the folder holds.

    Raises:
        SourceUnreadable: a file is missing, damaged, or contradicts another.
        ConversionError: it is a kind of model that is not served so.
    """
    config = _json(spec, CONFIG)
    if not (spec.source / TOKENIZER).is_file():
        reason = f"has no {TOKENIZER}; save it with tokenizer.save_pretrained of a fast tokenizer"
        raise SourceUnreadable(spec.name, spec.source, reason)
    modules = _modules(spec)
    return Folder(
        kind=_kind(spec, config),
        labels=_labels(spec, config),
        max_length=_max_length(spec, config),
        pooling=_pooling(spec, modules),
        normalized=not modules or any("Normalize" in module for module in modules),
        vocabulary=int(config.get("vocab_size", 0)),
    )


def _json(spec: ModelSpec, name: str) -> dict[str, Any]:
    try:
        document = json.loads((spec.source / name).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        reason = f"has no readable {name}: {error}"
        raise SourceUnreadable(spec.name, spec.source, reason) from error
    return document if isinstance(document, dict) else {}


def _kind(spec: ModelSpec, config: Mapping[str, Any]) -> str:
    name = _architecture(config)
    if name.endswith(_GENERATES):
        advice = "set target: sagemaker and an engine such as vllm"
        raise ConversionError(spec.name, f"is a {name}, which generates text; {advice}")
    for end, kind in _KINDS.items():
        if name.endswith(end):
            return kind
    known = ", ".join(f"...{end}" for end in (*_KINDS, _IMAGES))
    reason = f"is of architecture '{name}'; {known} are served, or export it to ONNX"
    raise ConversionError(spec.name, reason)


def _labels(spec: ModelSpec, config: Mapping[str, Any]) -> tuple[str, ...]:
    found = config.get("id2label") or {}
    try:
        return tuple(str(found[key]) for key in sorted(found, key=int))
    except (ValueError, TypeError) as error:
        raise SourceUnreadable(spec.name, spec.source, f"has odd labels: {error}") from error


def _modules(spec: ModelSpec) -> dict[str, Path]:
    """What sentence-transformers puts behind the model: kind -> folder."""
    path = spec.source / "modules.json"
    if not path.is_file():
        return {}
    try:
        entries = json.loads(path.read_bytes())
        return {str(each["type"]): spec.source / str(each["path"]) for each in entries}
    except (ValueError, KeyError, TypeError) as error:
        reason = f"has no readable modules.json: {error!r}"
        raise SourceUnreadable(spec.name, spec.source, reason) from error


def _pooling(spec: ModelSpec, modules: Mapping[str, Path]) -> str:
    folder = next((path for kind, path in modules.items() if kind.endswith("Pooling")), None)
    if folder is None:
        return "mean"
    if not folder.resolve().is_relative_to(spec.source.resolve()):
        raise SourceUnreadable(spec.name, spec.source, "names a pooling outside the folder")
    options = _json(spec, f"{folder.name}/{CONFIG}")
    modes = [key for key, value in options.items() if key.startswith("pooling_mode_") and value]
    known = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
    if len(modes) != 1 or modes[0] not in known:
        reason = f"pools by {', '.join(modes) or 'nothing'}; one of {', '.join(known)} is served"
        raise ConversionError(spec.name, reason)
    return known[modes[0]]


def _max_length(spec: ModelSpec, config: Mapping[str, Any]) -> int:
    """The shortest of the limits that the folder's files state."""
    limits = [config.get("max_position_embeddings")]
    for name, key in (
        ("sentence_bert_config.json", "max_seq_length"),
        ("tokenizer_config.json", "model_max_length"),
    ):
        if (spec.source / name).is_file():
            limits.append(_json(spec, name).get(key))
    stated = [int(limit) for limit in limits if isinstance(limit, int | float) and limit > 1]
    if not stated:
        raise SourceUnreadable(spec.name, spec.source, "states no longest text, in no file")
    return min(stated)
