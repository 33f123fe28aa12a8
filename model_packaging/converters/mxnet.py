"""Apache MXNet, which is retired upstream: recognized only to say what to do."""

from typing import NoReturn

from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec


class MxnetConverter:
    """See `conversion.Converter`."""

    framework = "mxnet"
    suffixes = (".params",)
    contents: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    def files(self, spec: ModelSpec) -> NoReturn:
        """See `Converter.files`."""
        self.convert(spec)

    def tools(self, spec: ModelSpec) -> NoReturn:
        """See `Converter.tools`."""
        self.convert(spec)

    def convert(self, spec: ModelSpec) -> NoReturn:
        """See `Converter.convert`."""
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


CONVERTER = MxnetConverter()
