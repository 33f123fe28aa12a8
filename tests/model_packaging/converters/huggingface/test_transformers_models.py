"""See `model_packaging/converters/huggingface/transformers_models.py`."""

from pathlib import Path

import numpy as np
import pytest

from lading.model_packaging.converters.huggingface.converter import CONVERTER
from lading.model_packaging.errors import PackagingError
from tests.model_packaging.converters.huggingface.test_converter import save
from tests.support.frameworks import needs

pytestmark = needs("huggingface", "torch", "onnxscript", "transformers", "tokenizers")


def test_weights_that_the_architecture_does_not_take_are_named(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    spec = save(tmp_path, "BertForSequenceClassification")
    weights = load_file(tmp_path / "model.safetensors")
    weights["bert.extra.weight"] = np.zeros(2, np.float32)
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(PackagingError, match=r"has weights that a Bert.* such as 'bert\.extra"):
        CONVERTER.convert(spec)


def test_a_pickle_of_weights_is_not_read(tmp_path: Path) -> None:
    import torch

    spec = save(tmp_path, "BertModel")
    (tmp_path / "model.safetensors").unlink()
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(PackagingError, match="safetensors"):
        CONVERTER.convert(spec)


def test_truncated_weights_are_one_clear_error(tmp_path: Path) -> None:
    spec = save(tmp_path, "BertModel")
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(PackagingError, match="model 'films'") as caught:
        CONVERTER.convert(spec)
    assert "\n" not in str(caught.value)
