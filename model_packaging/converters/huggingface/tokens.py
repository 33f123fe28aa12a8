"""A folder's tokenizer as the step `tokens`, compared with transformers' own.

The artifact contains the tokenizer as transformers configures it from tokenizer.json and
tokenizer_config.json, not the file itself. Texts are padded on the right, whatever side the folder
states: the originals answer each text by itself, where positions count from the first token.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lading.functions.inference.processing.processed import make_step
from lading.functions.inference.processing.step import Step
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.probes import Probe, Request
from lading.model_packaging.conversion import as_bytes
from lading.model_packaging.converters.huggingface.folder import (
    CONFIG,
    TOKENIZER,
    TOKENIZER_CONFIG,
    read_json,
)
from lading.model_packaging.converters.huggingface.transformers_models import loading
from lading.model_packaging.errors import ConversionError, ConversionMismatch, SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.steps.text_corpus import TEXTS, of_words

TEXT = "text"
"""The input of every model of texts."""
PARTS = {"input_ids": "ids", "attention_mask": "mask", "token_type_ids": "types"}
"""Name of a model's input -> its name in the step."""

_HUGE = 1 << 30
"""A tokenizer with a maximum length of this or more states none."""
_POSITIONS = ("position_embeddings", "embed_positions", "wpe", "positions_embed")
"""Names of models' table of positions."""
_WORDS = 24
_LETTERS = 3
_LOOKED_AT = 4096
_LONG = 64
"""Tokens of the longest text that is sent together with short ones: a request pads them to it."""
_NEAR = 4


@dataclass(frozen=True, slots=True)
class Tokenization:
    """The step from texts to a model's inputs.

    Args:
        tokenizer: transformers' own.
        options: the step's options, as in `artifact.json`.
        file: the file that the step reads.
        step: the step.
        texts: difficult texts with at least one token.
        words: texts of words from the tokenizer's vocabulary.
    """

    tokenizer: Any
    options: Mapping[str, Any]
    file: bytes
    step: Step
    texts: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def max_length(self) -> int:
        """The number of tokens after which texts are cut."""
        return int(self.options["max_length"])

    @property
    def prompt_length(self) -> int:
        """The number of tokens of the prompt, without a special one at its end."""
        prompt = self.options["prompt"]
        if not prompt:
            return 0
        ids = self.tokenizer(prompt, truncation=True, max_length=self.max_length)["input_ids"]
        return len(ids) - int(ids[-1] in self.tokenizer.all_special_ids)

    def with_offsets(self) -> "Tokenization":
        """Return the same step, which also returns the place of each token in its text."""
        gives = {**self.options["gives"], "offsets": "offsets"}
        return replace(self, options={**self.options, "gives": gives})

    def short_texts(self) -> tuple[str, ...]:
        """Return the texts that one request can have without being padded much."""
        lengths = self.arrays(self.texts)["attention_mask"].sum(axis=1)
        short = (text for text, length in zip(self.texts, lengths, strict=True) if length <= _LONG)
        return tuple(short) or self.texts[:1]

    def probes(self) -> tuple[Probe, ...]:
        """Return rows that test padding, and texts about as long as the longest that is not cut."""
        word = next(text for text in self.texts if text.strip())
        near = range(max(1, self.max_length - _NEAR), self.max_length + 2)
        return (
            Probe("a short text padded beside a long one", _request(word, "a " * self.max_length)),
            Probe(
                "texts about as long as the longest", _request(*("a " * count for count in near))
            ),
        )

    def arrays(self, texts: Sequence[str]) -> dict[str, Array]:
        """Return the model's inputs for texts: int64 [texts, tokens], in the order of `PARTS`."""
        found = self.step.before(_request(*texts))
        return {name: found[name] for name in PARTS if name in found}


def _request(*texts: str) -> Request:
    return {TEXT: as_bytes(np.array(texts))}


def load_tokenizer(spec: ModelSpec) -> Any:
    """Return the folder's tokenizer, as transformers loads it.

    Raises:
        SourceUnreadable: it is damaged, or has more tokens than the model.
        ConversionError: it is not a tokenizer of the `tokenizers` library.
    """
    from transformers import AutoTokenizer

    with loading(spec):
        tokenizer = AutoTokenizer.from_pretrained(
            spec.source, local_files_only=True, trust_remote_code=False
        )
    if not tokenizer.is_fast:
        reason = f"has a {type(tokenizer).__name__}, which is written in Python"
        raise ConversionError(spec.name, f"{reason}; only fast tokenizers are supported")
    if tokenizer.split_special_tokens:
        reason = f"states split_special_tokens in {TOKENIZER_CONFIG}, which is not supported"
        raise ConversionError(spec.name, reason)
    stated = read_json(spec, CONFIG).get("vocab_size")
    _require_vocabulary(spec, tokenizer, stated if isinstance(stated, int) else len(tokenizer))
    return tokenizer


def lower_case(tokenizer: Any) -> None:
    """Convert texts to lower case before all other steps, as sentence-transformers does."""
    from tokenizers import normalizers

    backend = tokenizer.backend_tokenizer
    own = backend.normalizer
    parts = list(own) if type(own).__name__ == "Sequence" else [own] if own else []
    if not any(isinstance(each, normalizers.Lowercase) for each in parts):
        backend.normalizer = normalizers.Sequence([normalizers.Lowercase(), *parts])


def tokenization(
    spec: ModelSpec, tokenizer: Any, model: Any, *, longest: int | None = None, prompt: str = ""
) -> Tokenization:
    """Return the step that does what the model's tokenizer does.

    Args:
        spec: the model.
        tokenizer: from `load_tokenizer`.
        model: from transformers.
        longest: the highest number of tokens of a text; by default the tokenizer states it.
        prompt: a text that is put before each text.

    Raises:
        SourceUnreadable: the folder states no maximum length, or the tokenizer is another model's.
        ConversionError: the model or the tokenizer has inputs that are not supported.
        ConversionMismatch: the step returns other tokens than transformers.
    """
    _require_vocabulary(spec, tokenizer, len(model.get_input_embeddings().weight))
    options = {
        "step": "tokens",
        "file": TOKENIZER,
        "text": TEXT,
        "max_length": _max_length(spec, longest or tokenizer.model_max_length, model),
        "truncation": str(tokenizer.truncation_side),
        "pad": _padding(tokenizer, model),
        "prompt": prompt,
        "gives": _gives(spec, tokenizer, model),
    }
    words = of_words(_words(tokenizer))
    texts, words = (
        tuple(text for text in each if tokenizer(prompt + text)["input_ids"])
        for each in (TEXTS, words)
    )
    file = _file(tokenizer)
    step = make_step(options, {TOKENIZER: file})
    found = Tokenization(tokenizer, options, file, step, texts, words)
    _check(spec, found)
    return found


def _words(tokenizer: Any) -> list[str]:
    """Return words that are tokens, from all parts of the vocabulary; any tokens if too few are."""
    ids = range(0, len(tokenizer), max(1, len(tokenizer) // _LOOKED_AT))
    found = {tokenizer.decode([each]).strip(" #") for each in ids} - {""}
    words = sorted(each for each in found if each.isalpha() and len(each) >= _LETTERS)
    chosen = words if len(words) >= _WORDS else sorted(found)
    return chosen[:: max(1, len(chosen) // _WORDS)][:_WORDS]


def _require_vocabulary(spec: ModelSpec, tokenizer: Any, known: int) -> None:
    if not 0 < len(tokenizer) <= known:
        reason = f"does not match: it has {len(tokenizer)} tokens, the model has {known}"
        raise SourceUnreadable(spec.name, spec.source / TOKENIZER, reason)


def _max_length(spec: ModelSpec, stated: float, model: Any) -> int:
    """Return the lowest of the tokenizer's limit and the model's numbers of positions."""
    limits = (stated, getattr(model.config, "max_position_embeddings", None), _positions(model))
    found = [int(limit) for limit in limits if isinstance(limit, int | float) and 1 < limit < _HUGE]
    if not found:
        reason = "states no maximum length: set model_max_length in tokenizer_config.json"
        raise SourceUnreadable(spec.name, spec.source, reason)
    return min(found)


def _positions(model: Any) -> int | None:
    """Return the number of tokens for which the model's table has positions; None without table.

    Tables such as RoBERTa's begin after the position of padding, those such as BART's at an offset.
    """
    for name, module in model.named_modules():
        if name.rpartition(".")[2] in _POSITIONS and hasattr(module, "num_embeddings"):
            padding = getattr(module, "padding_idx", None)
            first = getattr(module, "offset", 0) if padding is None else padding + 1
            return int(module.num_embeddings) - int(first)
    return None


def _padding(tokenizer: Any, model: Any) -> dict[str, Any]:
    """Return the model's own padding token, else the tokenizer's, else any."""
    own = getattr(model.config.get_text_config(), "pad_token_id", None)
    ids = [each for each in (own, tokenizer.pad_token_id, 0) if each is not None and each >= 0]
    return {"id": ids[0], "token": str(tokenizer.convert_ids_to_tokens(ids[0]))}


def _gives(spec: ModelSpec, tokenizer: Any, model: Any) -> dict[str, str]:
    """Return the parts that the step computes, and the names of the model's inputs for them."""
    names = set(tokenizer("a")) | {"attention_mask"}
    unknown = sorted(names - PARTS.keys())
    if unknown:
        known = ", ".join(PARTS)
        reason = f"has a tokenizer that returns {', '.join(unknown)}; {known} are supported"
        raise ConversionError(spec.name, reason)
    parameters = inspect.signature(model.forward).parameters
    if "attention_mask" not in parameters:
        kind = type(model).__name__
        reason = f"is a {kind}, which has no attention_mask: padding would change its answers"
        raise ConversionError(spec.name, reason)
    return {part: name for name, part in PARTS.items() if name in names}


def _file(tokenizer: Any) -> bytes:
    from tokenizers import Tokenizer

    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.no_truncation()
    backend.no_padding()
    content: bytes = backend.to_str().encode()
    return content


def _check(spec: ModelSpec, found: Tokenization) -> None:
    """Refuse a step that returns other tokens than transformers for one of the texts."""
    texts = (*found.texts, *found.words)
    together = found.arrays(texts)
    for row, text in enumerate(texts):
        alone = found.arrays([text])
        wanted = found.tokenizer(
            found.options["prompt"] + text, truncation=True, max_length=found.max_length
        )
        length = len(wanted["input_ids"])
        expected = {"attention_mask": [1] * length, **wanted}
        rows = {name: [array[0], together[name][row, :length]] for name, array in alone.items()}
        for name, each in rows.items():
            if any(not np.array_equal(given, expected[name]) for given in each):
                reason = f"differs from the original tokenizer's for {text[:40]!r}"
                raise ConversionMismatch(spec.name, name, reason)
        if together["attention_mask"][row].sum() != length:
            reason = f"has another number of tokens than the original tokenizer for {text[:40]!r}"
            raise ConversionMismatch(spec.name, "attention_mask", reason)
