"""What a row of the table is made from."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.model_packaging.manifest.options import QuantizeSpec

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True, slots=True)
class Entry:
    """One format with a real model.

    Args:
        format: what the file is.
        model: what it holds, and what it was trained on.
        prepare: makes the trained file in a folder, and its entry of a manifest.
        test: the test that proves it.
        needs: modules that must be there.
    """

    format: str
    model: str
    prepare: Callable[[Path], ModelSpec]
    test: str
    needs: tuple[str, ...] = ()


def example(folder: str, name: str) -> Callable[[Path], ModelSpec]:
    """A model of an example's manifest, trained by its train.py, quantized as `auto` finds."""

    def prepare(scratch: Path) -> ModelSpec:
        for path in (EXAMPLES / folder).glob("*.*"):
            shutil.copy(path, scratch)
        sys.path.insert(0, str(EXAMPLES / folder))  # as for a script that is run there
        try:
            import_module(f"examples.{folder}.train").main(scratch)
        finally:
            sys.path.pop(0)
        (spec,) = load_manifest(scratch / "models.yaml").select([name])
        return replace(spec, quantize=QuantizeSpec("auto"))

    return prepare
