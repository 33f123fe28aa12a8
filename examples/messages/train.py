"""Train three models that answer together: a text step, and two classifiers of its vectors.

The messages to a shop are invented: each is about a bill, a delivery or a password, in words that
the topics partly share. Writes, beside this file, `words.skops`, which turns a text into a vector;
`linear.skops` and `forest.skops`, which classify vectors; and `holdout.csv`: messages that training
never saw.
"""

import csv
from pathlib import Path

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from skops import io

SEED = 0
MESSAGES = 1600
WIDTH = 24
TOPICS = ("bill", "delivery", "password")
SHARED = (
    "please help me my order is not right today since last week thanks a lot again",
    "hello there i have a question about it can you look at this soon",
)
OWN = {
    "bill": "invoice charged twice refund amount card payment tax price receipt",
    "delivery": "parcel late driver address tracking arrived broken box courier street",
    "password": "login reset account email locked code expired browser link user",
}
STRAY = 0.12
"""The share of words of a topic that are of another one."""


def main(folder: Path) -> float:
    """Train, save all files in `folder`, and return the accuracy of both classifiers together."""
    texts, topics = make_messages()
    train, held, train_y, held_y = train_test_split(texts, topics, test_size=0.4, random_state=SEED)
    words = make_pipeline(TfidfVectorizer(), TruncatedSVD(WIDTH, random_state=SEED)).fit(train)
    vectors = words.transform(train).astype(np.float32)
    linear = LogisticRegression().fit(vectors, train_y)
    forest = RandomForestClassifier(25, max_depth=8, random_state=SEED).fit(vectors, train_y)
    for name, model in (("words", words), ("linear", linear), ("forest", forest)):
        io.dump(model, folder / f"{name}.skops")
    with (folder / "holdout.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text", "y"], *zip(held, held_y, strict=True)])
    unseen = words.transform(held).astype(np.float32)
    scores = (linear.predict_proba(unseen) + forest.predict_proba(unseen)) / 2
    return float(np.mean(scores.argmax(axis=1) == held_y))


def make_messages() -> tuple[list[str], list[int]]:
    """Messages, and the place of each one's topic in `TOPICS`."""
    generator = np.random.default_rng(SEED)
    topics = generator.integers(0, len(TOPICS), MESSAGES)
    return [_message(generator, TOPICS[topic]) for topic in topics], topics.tolist()


def _message(generator: np.random.Generator, topic: str) -> str:
    """A message with two to four words of its topic among others."""
    words = [*generator.choice(" ".join(SHARED).split(), 8, replace=False)]
    for _ in range(generator.integers(2, 5)):
        strays = generator.random() < STRAY
        about = generator.choice(TOPICS) if strays else topic
        words.append(generator.choice(OWN[about].split()))
    return " ".join(generator.permutation(words))


if __name__ == "__main__":
    here = Path(__file__).parent
    print(f"held-out accuracy {main(here):.4f}; wrote three models and holdout.csv in {here}")
