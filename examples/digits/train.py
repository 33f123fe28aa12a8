"""Train a digit classifier on the handwritten digits that ship with scikit-learn.

Writes, beside this file, `model.skops` and `holdout.npz`: the rows that training never saw.
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skops import io

SEED = 0


def main(folder: Path) -> float:
    """Train, save both files in `folder`, and return the accuracy on the held-out rows."""
    pixels, digits = load_digits(return_X_y=True)
    train_x, held_x, train_y, held_y = train_test_split(
        pixels.astype(np.float32), digits, test_size=0.25, random_state=SEED, stratify=digits
    )
    network = MLPClassifier((64,), solver="lbfgs", alpha=1.0, max_iter=1000, random_state=SEED)
    model = make_pipeline(StandardScaler(), network).fit(train_x, train_y)
    io.dump(model, folder / "model.skops")
    np.savez_compressed(folder / "holdout.npz", X=held_x, y=held_y)
    return float(model.score(held_x, held_y))


if __name__ == "__main__":
    here = Path(__file__).parent
    print(f"held-out accuracy {main(here):.4f}; wrote model.skops and holdout.npz in {here}")
