"""The models of a new user: trained here, in the user's own environment, before the clock starts.

python first_use_models.py CASE    writes the files of a case into the working folder

Imports nothing of Lading: it runs where only the installed package is.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

SEED = 0
ROWS = 600
OLD = 40


class Case(NamedTuple):
    """A model of a new user.

    Args:
        name: of the case.
        extras: of the package that it needs.
        init: the arguments of `lading init` after the project's folder.
        train: writes the files.
        text: for a form that asks for a text.
    """

    name: str
    extras: tuple[str, ...]
    init: tuple[str, ...]
    train: Callable[[], None]
    text: str = ""


def _frame() -> tuple[Any, Any]:
    """A table of mixed columns with missing cells, and whether each customer leaves."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(SEED)
    rows = pd.DataFrame(
        {
            "age": random.integers(18, 80, ROWS),
            "balance": random.normal(1000, 300, ROWS).round(2),
            "city": random.choice(["Lima", "Oslo", "Rome"], ROWS),
            "since": random.choice(["2024-01-01", "2025-06-30"], ROWS),
            "active": random.choice([True, False], ROWS),
        }
    )
    rows.loc[::20, "balance"] = np.nan
    return rows, np.where((rows["age"] > OLD) ^ (rows["city"] == "Rome"), "yes", "no")


def _columns() -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return ColumnTransformer(
        [
            ("numbers", numbers, ["age", "balance"]),
            ("categories", OneHotEncoder(handle_unknown="ignore"), ["city", "since"]),
            ("flags", "passthrough", ["active"]),
        ]
    )


def _save(model: Any, rows: Any, truth: Any) -> None:
    import joblib

    trained = 2 * ROWS // 3
    joblib.dump(model.fit(rows[:trained], truth[:trained]), "pipeline.joblib")
    rows.assign(leaves=truth)[trained:].to_csv("holdout.csv", index=False)


def train_pandas() -> None:
    """A pandas pipeline of mixed columns."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    rows, truth = _frame()
    _save(make_pipeline(_columns(), LogisticRegression()), rows, truth)


def train_xgboost() -> None:
    """An XGBoost classifier inside a pipeline."""
    from sklearn.pipeline import make_pipeline
    from xgboost import XGBClassifier

    rows, truth = _frame()
    _save(make_pipeline(_columns(), XGBClassifier(n_estimators=50)), rows, truth == "yes")


def train_keras() -> None:
    """A convolutional network of Keras that finds the bright line of a noisy picture."""
    import keras
    import numpy as np

    random, size, trained = np.random.default_rng(SEED), 8, 2 * ROWS // 3
    images, lines = random.random((ROWS, size, size, 1)), random.integers(0, size, ROWS)
    images[np.arange(ROWS), lines] += 1
    images = (images / 2).astype(np.float32)
    keras.utils.set_random_seed(SEED)
    layers = [
        keras.layers.Conv2D(16, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(size, "softmax"),
    ]
    network = keras.Sequential([keras.Input(images.shape[1:]), *layers])
    network.compile("adam", "sparse_categorical_crossentropy")
    network.fit(images[:trained], lines[:trained], epochs=20, verbose=0)
    network.save("network.keras")
    np.savez("holdout.npz", X=images[trained:], y=lines[trained:])


MESSAGES = {
    "bill": "invoice charged twice refund amount card payment tax price receipt",
    "delivery": "parcel late driver address tracking arrived broken box courier street",
    "password": "login reset account email locked code expired browser link user",
}


def train_huggingface() -> None:
    """A small DistilBERT that sorts messages, trained for some seconds."""
    import csv

    import numpy as np
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import (
        DistilBertConfig,
        DistilBertForSequenceClassification,
        PreTrainedTokenizerFast,
    )

    random, labels = np.random.default_rng(SEED), list(MESSAGES)
    truth = random.integers(0, len(labels), ROWS)
    texts = [" ".join(random.choice(MESSAGES[labels[each]].split(), 6)) for each in truth]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    backend = Tokenizer(models.WordPiece(unk_token=special[1]))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.train_from_iterator(texts, trainers.WordPieceTrainer(special_tokens=special))
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    roles = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token"), special, strict=True))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=64, **roles)
    torch.manual_seed(SEED)
    config = DistilBertConfig(
        vocab_size=len(tokenizer),
        dim=64,
        hidden_dim=128,
        n_layers=2,
        n_heads=4,
        max_position_embeddings=64,
        id2label=dict(enumerate(labels)),
        pad_token_id=0,
        label2id={label: number for number, label in enumerate(labels)},
    )
    model = DistilBertForSequenceClassification(config)
    trained, optimizer = 400, torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(8):
        for start in range(0, trained, 50):
            part = slice(start, start + 50)
            batch = tokenizer(texts[part], padding=True, return_tensors="pt")
            known = {name: batch[name] for name in ("input_ids", "attention_mask")}
            model(**known, labels=torch.tensor(truth[part])).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    model.eval().save_pretrained("messages")
    tokenizer.save_pretrained("messages")
    with Path("holdout.csv").open("w", encoding="utf-8", newline="") as file:
        rows = zip(texts[trained:], (labels[each] for each in truth[trained:]), strict=True)
        csv.writer(file).writerows([["text", "y"], *rows])


CASES = {
    case.name: case
    for case in (
        Case("pandas", ("tabular",), ("--from", "pipeline.joblib", "--yes"), train_pandas),
        Case(
            "xgboost",
            ("tabular", "boosting"),
            ("--from", "pipeline.joblib", "--yes"),
            train_xgboost,
        ),
        Case("keras", ("tensorflow",), ("--from", "network.keras"), train_keras),
        Case(
            "huggingface",
            ("huggingface",),
            ("--from", "messages"),
            train_huggingface,
            "my parcel is late",
        ),
    )
}

if __name__ == "__main__":
    CASES[sys.argv[1]].train()
