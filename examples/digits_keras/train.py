"""Train a Keras network, 64-64-64-10, on the handwritten digits that ship with scikit-learn.

Writes, beside this file, the network in each form that TensorFlow has: `model.keras`, `model.h5`,
the SavedModel `saved_model/` and `model.tflite`, and `holdout.npz`: the rows that training never
saw.
"""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = 0
EPOCHS = 40


def main(folder: Path) -> float:
    """Train, save all files in `folder`, and return the accuracy on the held-out rows."""
    pixels, digits = load_digits(return_X_y=True)
    train_x, held_x, train_y, held_y = train_test_split(
        pixels.astype(np.float32), digits, test_size=0.25, random_state=SEED, stratify=digits
    )
    keras.utils.set_random_seed(SEED)
    network = make_network()
    network.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    network.fit(train_x, train_y, epochs=EPOCHS, batch_size=64, verbose=0)
    save(network, folder)
    np.savez_compressed(folder / "holdout.npz", X=held_x, y=held_y)
    return float(network.evaluate(held_x, held_y, verbose=0)[1])


def make_network() -> keras.Model:
    """Pixels of 0 to 16, [batch, 64], in; a probability for each digit, [batch, 10], out."""
    return keras.Sequential(
        [
            keras.Input((64,), name="pixels"),
            keras.layers.Rescaling(1 / 16),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax", name="probabilities"),
        ]
    )


def save(network: keras.Model, folder: Path) -> None:
    """The trained network in TensorFlow's four forms."""
    network.save(folder / "model.keras")
    network.save(folder / "model.h5")
    network.export(folder / "saved_model", verbose=False)
    lite = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved_model"))
    (folder / "model.tflite").write_bytes(lite.convert())


if __name__ == "__main__":
    here = Path(__file__).parent
    print(f"held-out accuracy {main(here):.4f}; wrote the network's files in {here}")
