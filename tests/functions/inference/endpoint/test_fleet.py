"""The number of a model's folder in a Triton repository."""

import pytest

from lading.functions.inference.artifact.specification import EngineFile, EngineSection
from lading.functions.inference.endpoint.fleet import folder_number


@pytest.mark.parametrize(
    ("engine", "path", "number"),
    [
        ("triton", "model/1859/model.onnx", "1859"),
        ("triton", "model/1859/ensemble.txt", "1859"),
        ("triton", "model/1/model.onnx", ""),
        ("container", "model/1859/model.onnx", ""),
        ("vllm", "model.safetensors", ""),
    ],
)
def test_it_tells_versions_apart_if_packaging_has_derived_it(
    engine: str, path: str, number: str
) -> None:
    file = EngineFile("sha256:0", 0)
    files = {"model/config.pbtxt": file, path: file, "part-a/7/model.onnx": file}
    assert folder_number(EngineSection(engine, {}, files, {}, archive=False)) == number
