"""The rules for `engine: python`: a class of the user's own, in a folder of the project."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from lading.functions.inference.artifact.specification import PYTHON
from lading.model_packaging.errors import ManifestError, Place
from lading.model_packaging.manifest.entries import ModelEntry

_TARGETS: Final = ("auto", "lambda", "container")


def runs_code(entry: ModelEntry) -> bool:
    """Return whether a model is a class of the user's own."""
    return entry.engine is not None and entry.engine.name == PYTHON


def default_target(entry: ModelEntry, stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return the target of a class of the user's own, if the manifest states none."""
    return {"target": "auto"} if runs_code(entry) and stated.get("target") is None else {}


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
        if spec.target == "container":
            raise ManifestError(place("target"), "container is for engine: python")
        if isinstance(spec.outputs, Mapping):
            reason = "must be a list of names; a mapping is for engine: python"
            raise ManifestError(place("outputs"), reason)
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
