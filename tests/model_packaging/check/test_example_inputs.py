from pathlib import Path

import numpy as np
import pytest

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.example_inputs import example_inputs
from lading.model_packaging.errors import DataUnusable, ManifestError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import InputShape


def spec(**original: object) -> ModelSpec:
    return ModelSpec("m", Path("model.pt"), **original)  # type: ignore[arg-type]


def test_axes_of_one_word_have_one_size_and_others_another() -> None:
    inputs = {
        "ids": InputShape(("batch", "tokens"), "INT64"),
        "mask": InputShape(("batch", "tokens", 4)),
    }
    found = example_inputs(spec(inputs=inputs))
    assert list(found.arrays) == ["ids", "mask"]
    assert found.arrays["ids"].dtype == np.int64
    assert found.arrays["ids"].shape == found.arrays["mask"].shape[:2]
    assert len(set(found.arrays["mask"].shape)) == 3
    assert min(found.arrays["ids"].shape) > 1
    assert found.axes == {"ids": {0: "batch", 1: "tokens"}, "mask": {0: "batch", 1: "tokens"}}


def test_given_examples_keep_their_order_and_only_their_rows_are_free(tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", b=np.ones((2, 3), np.float32), a=np.ones(2, np.int64))
    found = example_inputs(spec(examples=tmp_path / "e.npz"))
    assert list(found.arrays) == ["b", "a"]
    assert found.axes == {"b": {0: "batch"}, "a": {0: "batch"}}
    assert found.real


@pytest.mark.parametrize("array", [np.ones(2, complex), np.ones((0, 2)), np.array(["a"])])
def test_examples_that_no_model_takes_are_refused(tmp_path: Path, array: Array) -> None:
    np.savez(tmp_path / "e.npz", x=array)
    with pytest.raises(DataUnusable, match="has 'x' of dtype"):
        example_inputs(spec(examples=tmp_path / "e.npz"))


def test_neither_inputs_nor_examples_or_both_are_refused() -> None:
    with pytest.raises(ManifestError, match=r"m\.inputs: inputs or examples are needed"):
        example_inputs(spec())
    with pytest.raises(ManifestError, match="are both given; keep one"):
        example_inputs(spec(inputs={"x": InputShape((2,))}, examples=Path("e.npz")))
