"""The rules for `engine: python`: a class of the user's own, in a folder of the project."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from lading.functions.inference.artifact.specification import PYTHON
from lading.model_packaging.errors import ManifestError, Place
from lading.model_packaging.manifest.entries import ModelEntry
from lading.model_packaging.manifest.script import is_script, require_container

_TARGETS: Final = ("auto", "lambda", "container")


def runs_code(entry: ModelEntry) -> bool:
    """Return whether a model is a class of the user's own."""
    return entry.engine is not None and entry.engine.name == PYTHON


def default_target(
    entry: ModelEntry, source: Path | None, stated: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the target of a model that is code, if the manifest states none."""
    if stated.get("target") is not None:
        return {}
    if is_script(entry, source):
        return {"target": "container"}
    return {"target": "auto"} if runs_code(entry) else {}


def check_own_class(spec: ModelEntry, place: Callable[[str], Place], *, downloaded: bool) -> None:
    """Reject a class without a signature or for an instance, and its keys on other models.

    Args:
        spec: a model.
        place: returns the place of one of its keys.
        downloaded: whether its source is an address.

    Raises:
        ManifestError: the first of them.
    """
    if not runs_code(spec):
        _check_other(spec, place)
        return
    if spec.target not in _TARGETS:
        reason = f"must be one of {', '.join(_TARGETS)} with engine: python, got '{spec.target}'"
        raise ManifestError(place("target"), reason)
    if downloaded or spec.train or spec.distill:
        reason = "must be a folder of this project with engine: python, whose files are code"
        raise ManifestError(place("source"), reason)
    if spec.class_path is None:
        reason = "is required with engine: python: module:Class in the folder source"
        raise ManifestError(place("class"), reason)
    if spec.framework is not None:
        raise ManifestError(place("framework"), "has no effect with engine: python; remove it")
    for key, value in (("inputs", spec.inputs), ("outputs", spec.outputs)):
        if not value or not isinstance(value, Mapping):
            reason = "must state the shape of each with engine: python, as {y: {shape: [batch]}}"
            raise ManifestError(place(key), reason)


def _check_other(spec: ModelEntry, place: Callable[[str], Place]) -> None:
    if is_script(spec, spec.source):
        require_container(spec, place)
    elif spec.target == "container":
        reason = "container is for engine: python, and for TorchScript with engine: native"
        raise ManifestError(place("target"), reason)
    if isinstance(spec.outputs, Mapping):
        reason = "must be a list of names; a mapping is for engine: python"
        raise ManifestError(place("outputs"), reason)
