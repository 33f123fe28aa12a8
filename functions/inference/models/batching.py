"""Whether requests of several callers may share one run of a model.

Packaging measures how much answers depend on the other rows of a request (`batch` in
`artifact.json`). Requests are joined where that is nothing beyond the rounding of sums in another
order, or where the manifest asks for it (`batching` in `artifact.json`).
"""

from collections.abc import Mapping
from typing import Any, Final

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.predictor import Batching, ModelMetadata
from lading.functions.inference.tensors.conversion import BF16

_THOUSAND = 1000
_DEPENDENCE: Final = ("largest_difference", "largest_relative_difference", "label_flips")
_OWN_CODE: Final = "code"
"""The processing step that runs the user's code, which may look at more than its rows."""


def batching_of(specification: Mapping[str, Any], metadata: ModelMetadata) -> Batching | None:
    """Return how requests for a model's signature are joined; None if they are not.

    Only the default signature was measured, and the manifest means that one, too.

    Args:
        specification: the content of `artifact.json`.
        metadata: of the signature.
    """
    default = specification.get("signatures", ({"name": metadata.signature},))[0]["name"]
    if metadata.signature != default or not has_rows((*metadata.inputs, *metadata.outputs)):
        return None
    if "batching" in specification:
        return _stated(specification["batching"])
    steps = [step.get("step") for step in specification.get("processing") or ()]
    if _OWN_CODE in steps or not _independent(specification.get("batch")):
        return None
    return Batching()


def _stated(document: Any) -> Batching | None:
    try:
        rows, wait_ms = int(document["most_rows"]), float(document["longest_wait_ms"])
    except (KeyError, TypeError, ValueError):  # of a later format; alone, every answer is right
        return None
    return Batching(rows, wait_ms / _THOUSAND) if rows > 1 else None


def has_rows(specs: tuple[TensorSpec, ...]) -> bool:
    """Return whether the first axis of every tensor is free, and its rows can be joined."""
    return all(spec.shape[:1] == (-1,) and spec.datatype != BF16 for spec in specs)


def _independent(measured: Mapping[str, Any] | None) -> bool:
    """Return whether answers were the same among other rows, usual and unusual ones."""
    if not measured:
        return False
    figures = (measured, measured["beside_unusual_rows"])
    return not any(each[name] for each in figures for name in _DEPENDENCE)
