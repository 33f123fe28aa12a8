"""scikit-learn: the first example, as its entry in models.yaml packages it."""

from pathlib import Path

from benchmarks.formats.entry import Entry
from examples.digits.train import main
from lading.model_packaging.manifest.entries import AccuracySpec
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.options import QuantizeSpec


def _digits(folder: Path) -> ModelSpec:
    main(folder)
    gate = AccuracySpec(folder / "holdout.npz", "accuracy", 0.01)
    quantize = QuantizeSpec("dynamic")
    return ModelSpec("digits", folder / "model.skops", quantize=quantize, accuracy=gate)


ENTRIES = (
    Entry(
        "scikit-learn, .skops",
        "MLP 64-64-10, digits",
        _digits,
        "tests/model_packaging/test_pipeline.py",
    ),
)
