"""A small tokenizer, and arrays of texts."""

import json
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array

VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "film", "a", "##s", "naive")


def tokenizer(lowercase: bool = True, *, decoder: bool = True) -> bytes:
    """tokenizer.json of a WordPiece tokenizer, as BERT's."""
    special = [
        {"id": VOCABULARY.index(token), "content": token, "special": True, **_AS_IT_IS}
        for token in VOCABULARY[:4]
    ]
    document = {
        "version": "1.0",
        "added_tokens": special,
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": lowercase,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                _special("[CLS]"),
                {"Sequence": {"id": "A", "type_id": 0}},
                _special("[SEP]"),
            ],
            "pair": [_special("[CLS]"), {"Sequence": {"id": "A", "type_id": 0}}, _special("[SEP]")],
            "special_tokens": {
                token: {"id": token, "ids": [VOCABULARY.index(token)], "tokens": [token]}
                for token in ("[CLS]", "[SEP]")
            },
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True} if decoder else None,
        "truncation": None,
        "padding": None,
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {token: index for index, token in enumerate(VOCABULARY)},
        },
    }
    return json.dumps(document).encode()


_AS_IT_IS = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}


def _special(token: str) -> dict[str, Any]:
    return {"SpecialToken": {"id": token, "type_id": 0}}


def options(**changes: Any) -> dict[str, Any]:
    """Of a tokens step."""
    return {
        "step": "tokens",
        "file": "tokenizer.json",
        "text": "text",
        "max_length": 6,
        "truncation": "right",
        "prompt": "",
        "pad": {"id": 0, "token": "[PAD]"},
        "gives": {"ids": "input_ids", "mask": "attention_mask"},
        **changes,
    }


def texts(*each: str) -> dict[str, Array]:
    array = np.empty(len(each), np.object_)
    array[:] = [text.encode() for text in each]
    return {"text": array}
