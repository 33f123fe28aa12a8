"""Hugging Face folders: encoders with their tokenizer, so that text goes in, and image classifiers.

For image classifiers see `huggingface.images`. A model of texts has the input `text`, BYTES of
shape [-1], and returns

- a sequence classifier: `label` and `score` [-1, top], the most likely first, at most five, and
  `probabilities` [-1, classes]: the scores of transformers' pipeline, which are a regression's own
  values (see `huggingface.heads`);
- a token classifier: `label` and `score` [-1, tokens], `probabilities` [-1, tokens, classes], and
  `offsets` [-1, tokens, 2]: the place of each token in the text, in characters. Tokens that are no
  part of the text are from 0 to 0, and padding has scores of 0;
- an encoder: `embedding` [-1, size], as sentence-transformers computes it if the folder is one of
  that library, else the normalized mean of its tokens.

Tokenizing is a step of the artifact (`processing.tokens`), and is compared with transformers' own
tokenizer, id by id, on a corpus of difficult texts. Weights are read from safetensors, and computed
in float32.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from lading.functions.inference.artifact.specification import TensorSpec
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.check.closeness import ABSOLUTE_TOLERANCE
from lading.model_packaging.check.example_inputs import ExampleInputs
from lading.model_packaging.check.probes import Known
from lading.model_packaging.conversion import (
    Conversion,
    Converter,
    Processing,
    as_bytes,
    tool_versions,
)
from lading.model_packaging.converters.huggingface import originals
from lading.model_packaging.converters.huggingface.folder import (
    CONFIG,
    MODULES,
    TOKENIZER,
    Folder,
    encoder_class,
    holds_images,
    read_folder,
)
from lading.model_packaging.converters.huggingface.heads import Head, head_of, scores
from lading.model_packaging.converters.huggingface.images import convert_images
from lading.model_packaging.converters.huggingface.sentence_modules import (
    read_sentences,
    sentence_module,
)
from lading.model_packaging.converters.huggingface.sentence_pooling import normalized_mean
from lading.model_packaging.converters.huggingface.tokens import (
    PARTS,
    TEXT,
    Tokenization,
    load_tokenizer,
    lower_case,
    tokenization,
)
from lading.model_packaging.converters.huggingface.transformers_models import answering, load_model
from lading.model_packaging.converters.pytorch.export import export_module
from lading.model_packaging.converters.pytorch.reference import as_tensor
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.checking import RELATIVE_TOLERANCE
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import BATCH
from lading.model_packaging.quiet import quiet
from lading.model_packaging.sources.folder import folder_files
from lading.model_packaging.steps.labels import label_options, label_outputs

_AUTO_CLASSES = {
    "classification": "AutoModelForSequenceClassification",
    "tokens": "AutoModelForTokenClassification",
    "embedding": "AutoModel",
}
"""Kind of folder -> the class of transformers that loads it."""

_EXAMPLES = ("some words", "and quite a few more words", "a third")
"""Texts to trace a model with, of several lengths."""


@quiet()
def _convert(spec: ModelSpec) -> Conversion:
    folder = read_folder(spec)
    if folder.kind == "images":
        return convert_images(spec, folder)
    if folder.kind != "embedding":
        return _classifier(spec, folder)
    return _sentences(spec) if folder.sentences else _encoder(spec)


def _tools(spec: ModelSpec) -> dict[str, str]:
    step = "pillow" if holds_images(spec) else "tokenizers"
    libraries = ["transformers", step, "torch", "onnx", "onnxscript", "safetensors"]
    if (spec.source / MODULES).is_file() and originals.has_sentence_transformers():
        libraries.append("sentence-transformers")
    return tool_versions(spec, "huggingface", *libraries)


CONVERTER = Converter("huggingface", _convert, _tools, contents=(CONFIG,), files=folder_files)


def _classifier(spec: ModelSpec, folder: Folder) -> Conversion:
    """Convert a classifier of texts, or of their tokens."""
    tokenizer = load_tokenizer(spec)
    model = load_model(spec, _AUTO_CLASSES[folder.kind])
    head = head_of(spec, folder, model.config)
    tokens = tokenization(spec, tokenizer, model)
    if folder.kind == "tokens":
        original = originals.classifies_tokens(model, head, tokens)
        exported = _exported(spec, model, tokens, _scores_of_tokens)
        return _labeled(exported, original, tokens.with_offsets(), head)
    original = originals.classifies_texts(model, head, tokens)
    exported = _exported(spec, model, tokens, partial(_scores_of_texts, head))
    return _labeled(exported, original, tokens, head)


def _encoder(spec: ModelSpec) -> Conversion:
    """Convert an encoder to one that returns the mean of a text's tokens."""
    tokenizer = load_tokenizer(spec)
    model = load_model(spec, _AUTO_CLASSES["embedding"])
    tokens = tokenization(spec, tokenizer, model)
    exported = _exported(spec, model, tokens, partial(_embedding, normalized_mean))
    return _processed(exported, originals.averages_states(model, tokens), tokens)


def _sentences(spec: ModelSpec) -> Conversion:
    """Convert a folder of sentence-transformers."""
    sentences = read_sentences(spec)
    tokenizer = load_tokenizer(spec)
    if tokenizer.pad_token is None:
        reason = "has no padding token, which sentence-transformers requires"
        raise ConversionError(spec.name, f"{reason}; set tokenizer.pad_token and save it")
    if sentences.lower:
        lower_case(tokenizer)
    model = load_model(spec, encoder_class(spec) or _AUTO_CLASSES["embedding"])
    tokens = tokenization(
        spec, tokenizer, model, longest=sentences.max_length, prompt=sentences.prompt
    )
    vectors = sentence_module(spec, sentences, tokens.prompt_length)
    exported = _exported(spec, model, tokens, partial(_embedding, vectors), rest=vectors)
    if originals.has_sentence_transformers():
        original = originals.encodes_sentences(spec, tokens.max_length)
    else:
        original = originals.embeds_by_states(model, tokens, vectors)
    return _processed(exported, original, tokens)


_Answer = Callable[[Any, dict[str, Any]], dict[str, Any]]
"""Returns a transformer's answer, torch tensors by name, for its inputs by name."""


def _exported(
    spec: ModelSpec, model: Any, tokens: Tokenization, answer: _Answer, rest: Any = None
) -> Conversion:
    """Return the conversion from tokens to the model's answer; see `answering`."""
    examples = tokens.arrays(_EXAMPLES)
    names = [name for name in PARTS if name in examples]

    def by_name(model: Any, *inputs: Any) -> dict[str, Any]:
        return answer(model, dict(zip(names, inputs, strict=True)))

    module = answering(model, by_name, rest)
    axes = {name: {0: BATCH, 1: "tokens"} for name in examples}
    traced = ExampleInputs(examples, axes, real=False)
    exported = export_module(spec, module, traced, trace_first=True)
    _require_padding_ignored(spec, module, tokens)
    return exported


def _require_padding_ignored(spec: ModelSpec, module: Any, tokens: Tokenization) -> None:
    """Refuse a model whose answer to a text depends on the length of other texts beside it."""
    import torch

    short, long = "a", "a " * tokens.max_length
    together, alone = (
        module(*map(as_tensor, tokens.arrays(texts).values())) for texts in ([short, long], [short])
    )
    for name, found in alone.items():
        beside = together[name][:1, : found.shape[1]]
        if not torch.allclose(beside, found, RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE):
            kind = type(module.model).__name__
            reason = f"is a {kind}, which answers a text differently beside a longer one"
            raise ConversionError(spec.name, f"{reason}: it does not mask the padding")


def _scores_of_texts(head: Head, model: Any, given: dict[str, Any]) -> dict[str, Any]:
    return {"probabilities": scores(head.function, _logits(model, given))}


def _logits(model: Any, given: dict[str, Any]) -> Any:
    """Return logits [texts, classes].

    Two kinds of models accept only one text at a time, where the graph accepts many: a decoder
    without a padding token answers from its last position, and a model with encoder and decoder
    from the last token that ends a text, which every text must have equally often.
    """
    config = model.config.get_text_config()
    if config.is_encoder_decoder and hasattr(model, "classification_head"):
        ends = (given["input_ids"] == config.eos_token_id).to(given["input_ids"].dtype)
        states = model.base_model(**given).last_hidden_state
        return model.classification_head(_last_of(states, ends))
    if config.pad_token_id is None and hasattr(model, "score"):
        states = model.base_model(**given).last_hidden_state
        return model.score(_last_of(states, given["attention_mask"]))
    return model(**given).logits


def _last_of(states: Any, marks: Any) -> Any:
    """Return the state of each text's last token that is marked with 1: [texts, size]."""
    import torch

    places = torch.arange(states.shape[1])
    return states[torch.arange(states.shape[0]), (places * marks).argmax(1)]


def _scores_of_tokens(model: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Return scores of tokens; those of padding are always 0."""
    kept = given["attention_mask"].unsqueeze(-1)
    return {"probabilities": scores("softmax", model(**given).logits) * kept}


def _embedding(vectors: Any, model: Any, given: dict[str, Any]) -> dict[str, Any]:
    states = model(**given).last_hidden_state
    return {"embedding": vectors(states, given["attention_mask"])}


def _labeled(exported: Conversion, original: Model, tokens: Tokenization, head: Head) -> Conversion:
    """Return the conversion of a graph that returns probabilities."""
    [probabilities] = exported.open(exported.onnx).outputs
    named = label_options(probabilities.name, head.labels, head.top)
    outputs = [*label_outputs(probabilities, head.top), probabilities]
    if "offsets" in tokens.options["gives"]:
        outputs.append(TensorSpec("offsets", "INT64", (-1, -1, 2)))
    return _processed(exported, original, tokens, (named,), outputs)


def _processed(
    exported: Conversion,
    original: Model,
    tokens: Tokenization,
    after: tuple[dict[str, Any], ...] = (),
    outputs: Sequence[TensorSpec] = (),
) -> Conversion:
    """Return the conversion of a graph between its steps; by default its outputs stay."""
    processing = Processing(
        (tokens.options, *after),
        {TOKENIZER: tokens.file},
        (TensorSpec(TEXT, "BYTES", (-1,)),),
        tuple(outputs or exported.open(exported.onnx).outputs),
    )
    return Conversion(
        exported.onnx,
        original,
        {TEXT: as_bytes(np.array(tokens.short_texts()))},
        processing,
        known={TEXT: Known(texts=tuple(text.encode() for text in tokens.words))},
        probes=tokens.probes(),
        open=exported.open,
    )
