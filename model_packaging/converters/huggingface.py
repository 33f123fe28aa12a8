"""Hugging Face folders: encoders with their tokenizer, so that text goes in, and image classifiers.

Of the latter see `model_packaging.hugging_face_images`. An encoder takes `text`, BYTES of shape
[-1], and answers

- a sequence classifier: `label` and `score` [-1, top], the likeliest first, five at most, and
  `probabilities` [-1, classes];
- a token classifier: `label` and `score` [-1, tokens], `probabilities` [-1, tokens, classes], and
  `offsets` [-1, tokens, 2]: where in the text each token stands, in characters. What pads a shorter
  text, and what is no part of it, is from 0 to 0;
- an encoder: `embedding` [-1, size], pooled and normalised as its sentence-transformers files say,
  else the normalised mean of its tokens.

Tokenizing is a step of the artifact (`functions.inference.processing.tokens`), and is compared with
transformers' own, id by id, on a corpus of difficult texts. Weights are read from safetensors.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from functions.inference.artifact import TensorSpec
from functions.inference.processing.processed import make_step
from functions.inference.session import OnnxSession
from functions.inference.tensors import Array
from model_packaging.conversion import Conversion, Model, Processing, as_bytes, tool_versions
from model_packaging.errors import ConversionMismatch, SourceUnreadable
from model_packaging.example_inputs import ExampleInputs
from model_packaging.hugging_face import (
    CONFIG,
    TOKENIZER,
    Folder,
    holds_images,
    read_folder,
)
from model_packaging.hugging_face_images import convert_images
from model_packaging.label_step import TOP, label_options, label_outputs
from model_packaging.manifest import ModelSpec
from model_packaging.original import BATCH
from model_packaging.quiet import quiet
from model_packaging.source_folder import folder_files
from model_packaging.text_corpus import TEXTS
from model_packaging.torch_export import export_module
from model_packaging.transformers_model import labelled, load_model, loaded

TEXT = "text"
_AUTO_CLASSES = {
    "classification": "AutoModelForSequenceClassification",
    "tokens": "AutoModelForTokenClassification",
    "embedding": "AutoModel",
}
"""Kinds of folders -> what transformers loads them with."""
_PARTS = {"input_ids": "ids", "attention_mask": "mask", "token_type_ids": "types"}
"""What models call their inputs -> what the tokens step calls them."""


class HuggingfaceConverter:
    """See `conversion.Converter`."""

    framework = "huggingface"
    suffixes: tuple[str, ...] = ()
    contents = (CONFIG,)
    keys: tuple[str, ...] = ()

    def files(self, spec: ModelSpec) -> tuple[Path, ...]:
        """See `Converter.files`."""
        return folder_files(spec)

    def tools(self, spec: ModelSpec) -> dict[str, str]:
        """See `Converter.tools`."""
        step = "pillow" if holds_images(spec) else "tokenizers"
        libraries = ("transformers", step, "torch", "onnx", "onnxscript", "safetensors")
        return tool_versions(spec, "huggingface", *libraries)

    def convert(self, spec: ModelSpec) -> Conversion:
        """See `Converter.convert`."""
        with quiet():
            if holds_images(spec):
                return convert_images(spec)
            folder = read_folder(spec)
            tokenizer = loaded(spec, lambda: _load_tokenizer(spec, folder))
            module = _module(load_model(spec, _AUTO_CLASSES[folder.kind]), folder)
            return _convert(spec, folder, tokenizer, module)


CONVERTER = HuggingfaceConverter()


def _load_tokenizer(spec: ModelSpec, folder: Folder) -> Any:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        spec.source, local_files_only=True, trust_remote_code=False
    )
    if not 0 < len(tokenizer) <= folder.vocabulary:
        reason = f"does not match: {len(tokenizer)} tokens, the model knows {folder.vocabulary}"
        raise SourceUnreadable(spec.name, spec.source / TOKENIZER, reason)
    return tokenizer


def _module(model: Any, folder: Folder) -> Any:
    """The model up to what it answers."""
    import torch

    class Answering(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: Any, mask: Any, types: Any = None) -> dict[str, Any]:
            given = {} if types is None else {"token_type_ids": types}
            found = self.model(input_ids=ids, attention_mask=mask, **given)
            if folder.kind != "embedding":
                return {"probabilities": torch.softmax(found.logits, dim=-1)}
            return {"embedding": _pooled(folder, found.last_hidden_state, mask)}

    return Answering().eval()


def _pooled(folder: Folder, states: Any, mask: Any) -> Any:
    import torch

    if folder.pooling == "cls":
        vectors = states[:, 0]
    else:
        kept = mask.unsqueeze(-1).to(states.dtype)
        vectors = (states * kept).sum(1) / kept.sum(1).clamp(min=1e-9)
    return torch.nn.functional.normalize(vectors, dim=1) if folder.normalized else vectors


def _convert(spec: ModelSpec, folder: Folder, tokenizer: Any, module: Any) -> Conversion:
    tokenize = _tokenizing(folder, tokenizer)
    examples = tokenize(["some words", "and quite a few more words", "a third"])
    axes = {name: {0: BATCH, 1: "tokens"} for name in examples}
    conversion = export_module(spec, module, ExampleInputs(examples, axes, real=False))
    steps = _steps(folder, tokenizer, tuple(examples))
    files = {TOKENIZER: (spec.source / TOKENIZER).read_bytes()}
    _check_tokens(spec, tokenize, steps[0], files)
    inputs = (TensorSpec(TEXT, "BYTES", (-1,)),)
    processing = Processing(steps, files, inputs, _outputs(folder, conversion.onnx))
    reference = _reference(folder, tokenizer, tokenize, conversion.reference)
    return Conversion(conversion.onnx, reference, {TEXT: as_bytes(np.array(TEXTS))}, processing)


def _tokenizing(folder: Folder, tokenizer: Any) -> Callable[[list[str]], dict[str, Array]]:
    """The original's way from texts to what the model takes."""

    def tokenize(texts: list[str]) -> dict[str, Array]:
        found = tokenizer(
            texts, padding=True, truncation=True, max_length=folder.max_length, return_tensors="np"
        )
        return {name: found[name].astype(np.int64) for name in _PARTS if name in found}

    return tokenize


def _steps(folder: Folder, tokenizer: Any, names: tuple[str, ...]) -> tuple[dict[str, Any], ...]:
    """As `artifact.json` has them."""
    gives = {_PARTS[name]: name for name in names}
    tokens = {
        "step": "tokens",
        "file": TOKENIZER,
        "text": TEXT,
        "max_length": folder.max_length,
        "pad": {"id": tokenizer.pad_token_id, "token": tokenizer.pad_token},
        "gives": gives | ({"offsets": "offsets"} if folder.kind == "tokens" else {}),
    }
    if folder.kind == "embedding":
        return (tokens,)
    return (tokens, label_options("probabilities", folder.labels, _top(folder)))


def _top(folder: Folder) -> int:
    return 1 if folder.kind == "tokens" else min(TOP, len(folder.labels))


def _check_tokens(
    spec: ModelSpec,
    tokenize: Callable[[list[str]], dict[str, Array]],
    options: Mapping[str, Any],
    files: Mapping[str, bytes],
) -> None:
    """Refuse a tokenizer that gives other ids than the original's, in the first text that shows it.

    Each text by itself, then all together: padding must be the same too.
    """
    step = make_step(options, files)
    for texts in (*([text] for text in TEXTS), list(TEXTS)):
        wanted, found = tokenize(texts), step.before({TEXT: as_bytes(np.array(texts))})
        for name, array in wanted.items():
            if not np.array_equal(array, found[name]):
                reason = f"differs from the original tokenizer's for {texts[0][:40]!r}"
                raise ConversionMismatch(spec.name, name, reason)


def _outputs(folder: Folder, onnx: bytes) -> tuple[TensorSpec, ...]:
    own = OnnxSession(onnx).outputs
    if folder.kind == "embedding":
        return own
    found = (*label_outputs(own[0], _top(folder)), *own)
    offsets = TensorSpec("offsets", "INT64", (-1, -1, 2))
    return (*found, offsets) if folder.kind == "tokens" else found


def _reference(
    folder: Folder,
    tokenizer: Any,
    tokenize: Callable[[list[str]], dict[str, Array]],
    model: Model,
) -> Model:
    """The original: transformers' tokenizer, the torch model, and its own names of the classes."""

    def reference(inputs: dict[str, Array]) -> dict[str, Array]:
        texts = [text.decode() for text in inputs[TEXT]]
        answers = model(tokenize(texts))
        if folder.kind != "embedding":
            found = labelled(folder.labels, answers["probabilities"], _top(folder))
            answers = {**found, **answers}
        if folder.kind == "tokens":
            tokens = tokenizer(
                texts,
                padding=True,
                truncation=True,
                max_length=folder.max_length,
                return_offsets_mapping=True,
            )
            answers["offsets"] = np.array(tokens["offset_mapping"], np.int64)
        return answers

    return reference
