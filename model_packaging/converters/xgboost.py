"""XGBoost models, from what `save_model` writes: .json or .ubj. See `boosting`.

Classes are numbers: a booster does not know what they were called.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from functions.inference.tensors import Array
from model_packaging.boosting import INPUT, OPSET, convert_booster, read_booster
from model_packaging.conversion import Conversion, tool_versions
from model_packaging.manifest import ModelSpec
from model_packaging.quiet import quiet
from model_packaging.ubjson import require_ubjson

if TYPE_CHECKING:
    from onnx import ModelProto


_JSON = re.compile(rb"\s*\{\s*[\"}]")
"""How a JSON object begins; one of UBJSON, which begins alike, has a length next."""


class XgboostConverter:
    """See `conversion.Converter`."""

    framework = "xgboost"
    suffixes = (".json", ".ubj")
    contents: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    def files(self, spec: ModelSpec) -> tuple[Path, ...]:
        """See `Converter.files`."""
        return (spec.source,)

    def tools(self, spec: ModelSpec) -> dict[str, str]:
        """See `Converter.tools`."""
        return tool_versions(spec, "boosting", "xgboost-cpu|xgboost", "onnxmltools", "onnx")

    def convert(self, spec: ModelSpec) -> Conversion:
        """See `Converter.convert`."""
        import xgboost

        with quiet():
            booster = read_booster(spec, lambda: _load(spec.source))

            def predict(rows: Array) -> Array:
                answers: Array = booster.predict(xgboost.DMatrix(rows))
                return answers

            return convert_booster(spec, lambda: _to_onnx(booster), predict)


CONVERTER = XgboostConverter()


def _load(source: Path) -> Any:
    import xgboost

    content = source.read_bytes()
    if source.suffix == ".ubj" or not _JSON.match(content):
        require_ubjson(content)
    booster = xgboost.Booster(model_file=bytearray(content))  # told apart by content, not by name
    if '"multi:softmax"' in booster.save_config():
        booster.set_param({"objective": "multi:softprob"})  # the same trees, with probabilities
    booster.feature_names = None  # rows come without, and the converter wants f0, f1...
    return booster


def _to_onnx(booster: Any) -> "ModelProto":
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    rows = FloatTensorType([None, booster.num_features()])
    model: ModelProto = convert_xgboost(
        booster, name="lading", initial_types=[(INPUT, rows)], target_opset=OPSET
    )
    return model
