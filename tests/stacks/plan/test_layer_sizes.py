from pathlib import Path

import pytest

from lading.functions.contract.limits import MEGABYTE
from lading.stacks.errors import LayersTooLarge
from lading.stacks.plan.layer_sizes import layer_sizes, require_fits

CODE = {"onnxruntime": 40 * MEGABYTE, "numpy": 35 * MEGABYTE, "mangum": MEGABYTE}


def test_sizes_are_counted_by_package(tmp_path: Path) -> None:
    files = {
        "layer/python/numpy/a.so": 5,
        "layer/python/numpy.libs/b.so": 6,
        "layer/python/numpy-2.5.dist-info/METADATA": 7,
        "layer/python/typing_extensions.pyc": 8,
        "code/functions/inference/a.py": 9,
    }
    for name, size in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    sizes = layer_sizes(tmp_path / "layer", tmp_path / "code")
    assert sizes == {"numpy": 18, "typing_extensions": 8, "functions": 9}


def test_a_model_that_fills_the_limit_fits() -> None:
    require_fits("digits", CODE, (250 - 76) * MEGABYTE)


def test_a_byte_more_is_refused_with_the_largest_parts() -> None:
    with pytest.raises(LayersTooLarge) as caught:
        require_fits("digits", CODE, (250 - 76) * MEGABYTE + 1)
    assert str(caught.value) == (
        "model 'digits': its function and layers unpack to 250.0 MB, over Lambda's 250 MB "
        "(largest: the model 174.0 MB, onnxruntime 40.0 MB, numpy 35.0 MB, mangum 1.0 MB); "
        "let its function load 'digits' from S3 at its start, or serve it on SageMaker"
    )
    assert caught.value.sizes["the model"] == 174 * MEGABYTE + 1


def test_a_model_too_large_for_memory_belongs_on_sagemaker() -> None:
    with pytest.raises(LayersTooLarge, match=r"; serve 'llm' on SageMaker$"):
        require_fits("llm", CODE, 4000 * MEGABYTE)


def test_code_that_is_too_large_alone_is_not_blamed_on_the_model() -> None:
    with pytest.raises(
        LayersTooLarge, match=r"remove packages from the group `lambda` in pyproject\.toml"
    ):
        require_fits("digits", {"torch": 900 * MEGABYTE}, 1)
