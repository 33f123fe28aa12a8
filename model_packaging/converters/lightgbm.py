"""LightGBM models, from the text that `save_model` writes: .txt or .lgb. See `boosting`.

Classes are numbers: a booster does not know what they were called.
"""

from pathlib import Path
from typing import Any

from model_packaging.boosting import convert_booster, read_booster
from model_packaging.conversion import Conversion, tool_versions
from model_packaging.errors import SourceUnreadable
from model_packaging.lightgbm_model import read_lightgbm
from model_packaging.manifest import ModelSpec
from model_packaging.quiet import quiet

_FIRST_LINE, _LAST_LINES = b"tree\n", b"\nend of trees\n"


class LightgbmConverter:
    """See `conversion.Converter`."""

    framework = "lightgbm"
    suffixes = (".txt", ".lgb")
    contents: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    def files(self, spec: ModelSpec) -> tuple[Path, ...]:
        """See `Converter.files`."""
        return (spec.source,)

    def tools(self, spec: ModelSpec) -> dict[str, str]:
        """See `Converter.tools`."""
        return tool_versions(spec, "boosting", "lightgbm", "onnx")

    def convert(self, spec: ModelSpec) -> Conversion:
        """See `Converter.convert`."""
        with quiet():
            booster = read_booster(spec, lambda: _load(spec))
            return convert_booster(spec, lambda: read_lightgbm(booster), booster.predict)


CONVERTER = LightgbmConverter()


def _load(spec: ModelSpec) -> Any:
    import lightgbm

    content = spec.source.read_bytes().replace(b"\r\n", b"\n")
    if not content.startswith(_FIRST_LINE) or _LAST_LINES not in content:
        reason = "is no whole LightGBM model, as booster.save_model writes it"
        raise SourceUnreadable(spec.name, spec.source, reason)
    return lightgbm.Booster(model_str=content.decode())
