"""LightGBM models, from the text that `save_model` writes: .txt or .lgb. See `boosting`.

Classes are numbers: a booster does not know what they were called.
"""

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lading.model_packaging.conversion import Conversion, tool_versions
from lading.model_packaging.converters.boosting.conversion import convert_booster, read_booster
from lading.model_packaging.converters.boosting.lightgbm_model import read_lightgbm
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.quiet import quiet

_FIRST_LINE, _LAST_LINES = b"tree\n", b"\nend of trees\n"
_VERSION = re.compile(rb"^version=(.*)$", re.MULTILINE)
_VERSIONS = (b"v2", b"v3", b"v4")
_TREE_SIZES = re.compile(rb"^tree_sizes=(.*)\n", re.MULTILINE)


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
            booster = read_booster(
                spec, f"LightGBM {version('lightgbm')}", lambda: _load(spec.source)
            )
            return convert_booster(spec, lambda: read_lightgbm(booster), booster.predict)


CONVERTER = LightgbmConverter()


def _load(source: Path) -> Any:
    import lightgbm

    content = source.read_bytes().replace(b"\r\n", b"\n")
    if not content.startswith(_FIRST_LINE) or _LAST_LINES not in content:
        raise ValueError("it is not a whole model, as booster.save_model writes it")
    found = _VERSION.search(content)
    if found is None or found[1] not in _VERSIONS:
        known = ", ".join(each.decode() for each in _VERSIONS)
        written = found[1].decode(errors="replace") if found else "none"
        raise ValueError(f"it has the format version {written}; known are {known}")
    # With the sizes of trees LightGBM reads them in threads, where damage ends the whole process.
    # Without them it passes over trees after the first damaged line.
    sizes = _TREE_SIZES.search(content)
    booster = lightgbm.Booster(model_str=_TREE_SIZES.sub(b"", content, count=1).decode())
    if sizes and booster.num_trees() != len(sizes[1].split()):
        raise ValueError(
            f"only {booster.num_trees()} of its {len(sizes[1].split())} trees are whole"
        )
    return booster
