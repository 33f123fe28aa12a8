from pathlib import Path

import pytest

from lading.model_packaging.converters.mxnet import CONVERTER
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.pipeline import package
from lading.model_packaging.store.local import LocalStore


def test_a_retired_framework_is_told_how_to_export_to_onnx(tmp_path: Path) -> None:
    source = tmp_path / "resnet-0000.params"
    source.write_bytes(b"\x12\x01\x00\x00")
    spec = ModelSpec("resnet", source)
    advice = r"MXNet is retired; .*export_model\('resnet-symbol.json', 'resnet-0000.params'"
    for step in (CONVERTER.convert, CONVERTER.files, CONVERTER.tools):
        with pytest.raises(ConversionError, match=advice):
            step(spec)
    with pytest.raises(ConversionError, match=r"name model\.onnx as its source"):
        package(spec, LocalStore(tmp_path / "store"), tmp_path / "models.lock.json")
    assert not (tmp_path / "store").exists()


def test_the_file_of_the_graph_is_told_from_that_of_the_weights(tmp_path: Path) -> None:
    spec = ModelSpec("resnet", tmp_path / "resnet-symbol.json", framework="mxnet")
    advice = r"export_model\('resnet-symbol.json', 'resnet-0000.params'"
    with pytest.raises(ConversionError, match=advice):
        CONVERTER.convert(spec)
