"""See `model_packaging/converters/huggingface/tokens.py`."""

from pathlib import Path
from typing import Any

import pytest

from lading.model_packaging.check.stage import check
from lading.model_packaging.converters.huggingface.converter import CONVERTER
from lading.model_packaging.converters.huggingface.tokens import (
    load_tokenizer,
    lower_case,
    tokenization,
)
from lading.model_packaging.converters.huggingface.transformers_models import load_model
from lading.model_packaging.errors import ConversionMismatch
from tests.model_packaging.transformers_folders import bert
from tests.support.frameworks import needs

pytestmark = needs("huggingface", "torch", "onnxscript", "transformers", "tokenizers")


def shouting(folder: Path) -> Any:
    """A tokenizer of transformers that changes texts in Python, where no file tells of it."""
    from transformers import PreTrainedTokenizerFast

    class Shouting(PreTrainedTokenizerFast):
        def _encode_plus(self, text: Any, *given: Any, **options: Any) -> Any:
            return super()._encode_plus(text.upper(), *given, **options)

    return Shouting.from_pretrained(folder)


def test_a_tokenizer_that_does_more_than_its_files_say_is_refused(tmp_path: Path) -> None:
    spec = bert(tmp_path)
    model = load_model(spec, "AutoModelForSequenceClassification")
    with pytest.raises(ConversionMismatch, match="differs from the original tokenizer's for 'The"):
        tokenization(spec, shouting(tmp_path), model)


def test_texts_are_put_into_lower_case_once(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(bert(tmp_path))
    wanted = tokenizer("the food")["input_ids"]
    assert tokenizer("The FOOD")["input_ids"] != wanted
    lower_case(tokenizer)
    assert tokenizer("The FOOD")["input_ids"] == wanted
    once = tokenizer.backend_tokenizer.to_str()
    lower_case(tokenizer)
    assert tokenizer.backend_tokenizer.to_str() == once


def test_words_of_the_vocabulary_padding_and_the_cut_are_probed(tmp_path: Path) -> None:
    spec = bert(tmp_path)
    conversion = CONVERTER.convert(spec)
    checked, _ = check(spec, conversion)
    assert {
        "one row at a time",
        "typical rows",
        "difficult texts in 'text'",
        "a short text padded beside a long one",
        "texts about as long as the longest",
    } <= checked.evidence.rows().keys()
    words = b" ".join(conversion.known["text"].texts).decode().split()
    assert {"food", "friendly", "Cheap"} <= set(words)
    assert {True, False} == {word.isupper() for word in words}
