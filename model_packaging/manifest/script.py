"""The rules for TorchScript that is not converted: it is a program, and needs torch."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from lading.functions.inference.artifact.specification import TORCHSCRIPT
from lading.model_packaging.errors import ManifestError, Place
from lading.model_packaging.manifest.entries import NATIVE, ModelEntry

SUFFIXES: Final = (".pt", ".ts")
"""The names of files that `engine: native` takes for TorchScript, unless `framework` is stated."""

ONLY_A_CONTAINER: Final = (
    "runs in torch, which has over 500 MB unpacked (all layers of a function have at most 250 MB)"
)


def is_script(entry: ModelEntry, source: Path | None) -> bool:
    """Return whether a model is TorchScript that is not converted.

    Args:
        entry: the model.
        source: its file, as the manifest names it.
    """
    if entry.engine is None or entry.engine.name != NATIVE:
        return False
    by_suffix = entry.framework is None and source and source.suffix.lower() in SUFFIXES
    return bool(by_suffix) or entry.framework == TORCHSCRIPT


def require_container(spec: ModelEntry, place: Callable[[str], Place]) -> None:
    """Reject any other target than a container.

    Raises:
        ManifestError: says why.
    """
    if spec.target != "container":
        reason = f"must be container for TorchScript with engine: native: it {ONLY_A_CONTAINER}"
        advice = f"; where source is an address, state framework: {TORCHSCRIPT} as well"
        raise ManifestError(place("target"), reason + advice)
