"""From texts to token ids, by the `tokenizers` library with a `tokenizer.json`.

Options: `file`, the tokenizer's; `text`, the input; `max_length`, where texts are cut, and
`truncation`, the side that is cut off; `prompt`, what is put before
each text; `pad`, the id and the text of the padding token; `gives`, name of each array in the
graph: `ids`, `mask` and, where the model has them, `types`, each int64 of shape [texts, tokens];
`offsets` likewise, int64 of shape [texts, tokens, 2]: where in the text each token begins and ends,
in characters. Its extra is the number of tokens of each text, without the padding. A text without
tokens is refused: a row of nothing but padding has no answer.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.models.predictor import TEXT_LENGTHS
from lading.functions.inference.processing.step import Step
from lading.functions.inference.tensors.conversion import Array

MOST_TEXTS = 256
MOST_BYTES = 1 << 20
"""The limit for one text: the whole text is tokenized before it is truncated."""

_PARTS = {"ids": "ids", "mask": "attention_mask", "types": "type_ids", "offsets": "offsets"}


def make(options: Mapping[str, Any], files: Mapping[str, bytes]) -> "TokensStep":
    """Return the step with these options; see the module."""
    return TokensStep(options, files[options["file"]])


class TokensStep(Step):
    """The step; see the module."""

    extras = (TEXT_LENGTHS,)

    def __init__(self, options: Mapping[str, Any], tokenizer: bytes) -> None:
        self._text, self._gives = options["text"], dict(options["gives"])
        self._prompt = str(options["prompt"])
        try:
            self._tokenizer = Tokenizer.from_buffer(tokenizer)
        except Exception as error:  # the library raises Exception itself
            raise ValueError(f"cannot read its {options['file']}: {error}") from error
        self._longest, self._side = int(options["max_length"]), options["truncation"]
        self._tokenizer.enable_truncation(self._longest, direction=str(self._side))
        self._pad = int(options["pad"]["id"])
        token = str(options["pad"]["token"])
        self._tokenizer.enable_padding(pad_id=self._pad, pad_token=token)

    def before(self, arrays: dict[str, Array]) -> dict[str, Array]:
        """See `Step.before`."""
        others = {name: array for name, array in arrays.items() if name != self._text}
        encodings = self._tokenizer.encode_batch(self._texts(arrays[self._text]))
        given = {
            name: np.array([getattr(each, _PARTS[part]) for each in encodings], np.int64)
            for part, name in self._gives.items()
        }
        counts = np.array([sum(each.attention_mask) for each in encodings], np.int64)
        if not counts.all():
            reason = f"has a text without tokens in row {int(counts.argmin())}; send words"
            raise InvalidInput(self._text, reason)
        return {**others, **given, TEXT_LENGTHS: counts}

    def text_of(self, tokens: Sequence[int]) -> str:
        """Return the text of these tokens; special and padding tokens may be among them.

        Raises:
            InvalidInput: the tokenizer does not have them, or does not produce them for their text.
        """
        for token in set(tokens):
            if self._tokenizer.id_to_token(token) is None:
                reason = f"has the token {token}, which the model's tokenizer does not know"
                raise InvalidInput(self._text, reason)
        text = str(self._tokenizer.decode(list(tokens), skip_special_tokens=True))
        frame = {self._pad, *self._tokenizer.encode("").ids}  # what the step adds by itself
        plain = [token for token in tokens if token not in frame]
        again = self._tokenizer.encode(text, add_special_tokens=False).ids
        left = self._side == "left"
        if not again or again != (plain[-self._longest :] if left else plain[: self._longest]):
            reason = "has tokens that the model's tokenizer does not produce for their text"
            raise InvalidInput(self._text, reason)
        return text

    def _texts(self, array: Array) -> list[str]:
        if not 0 < len(array) <= MOST_TEXTS:
            reason = f"has {len(array)} texts; send 1 to {MOST_TEXTS} in one request"
            raise InvalidInput(self._text, reason)
        longest = max(map(len, array))
        if longest > MOST_BYTES:
            reason = f"has a text of {longest} bytes, which exceeds the limit of {MOST_BYTES}"
            raise InvalidInput(self._text, reason)
        try:
            return [self._prompt + text.decode() for text in array]
        except UnicodeDecodeError as error:
            raise InvalidInput(self._text, "has bytes that are not UTF-8") from error
