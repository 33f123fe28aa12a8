"""Apache MXNet, which is retired upstream: recognized only to explain the export to ONNX."""

from typing import NoReturn

from lading.model_packaging.conversion import Converter
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec


def _refuse(spec: ModelSpec) -> NoReturn:
    symbol, _, part = spec.source.stem.rpartition("-")
    symbol = symbol or spec.source.stem
    parameters = f"{symbol}-0000.params" if part == "symbol" else spec.source.name
    raise ConversionError(
        spec.name,
        "is an Apache MXNet model, and MXNet is retired; where MXNet 1.9 runs, export it: "
        f"mx.onnx.export_model('{symbol}-symbol.json', '{parameters}', "
        "in_shapes=[...], in_types=numpy.float32, onnx_file_path='model.onnx'), "
        "and name model.onnx as its source",
    )


CONVERTER = Converter("mxnet", _refuse, _refuse, suffixes=(".params",), files=_refuse)
