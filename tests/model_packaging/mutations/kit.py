"""Damages a converted model on purpose, and requires that the check refuses it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from onnx import ModelProto, load_model_from_string

from lading.model_packaging.check.answers import remembered
from lading.model_packaging.check.stage import check
from lading.model_packaging.conversion import Conversion
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec

Damage = Callable[[ModelProto], None]
"""Changes a graph so that it answers differently on an input that callers may send."""


def require_sound(spec: ModelSpec, conversion: Conversion) -> Conversion:
    """The conversion as it is passes the check, or no refusal of a damaged one would mean much.

    Returns:
        The same, whose original answers the same rows once for all damages, as it does for all
        stages of packaging.
    """
    kept = replace(conversion, reference=remembered(conversion.reference))
    check(spec, kept)
    return kept


def require_refusal(spec: ModelSpec, conversion: Conversion, damage: Damage) -> None:
    """The check refuses the conversion once its graph is damaged."""
    model = load_model_from_string(conversion.onnx)
    damage(model)
    require_refused(spec, conversion, replace(conversion, onnx=model.SerializeToString()))


def require_refused(spec: ModelSpec, sound: Conversion, damaged: Conversion) -> None:
    """The check refuses a conversion that was damaged in its graph or its processing steps."""
    before, after = ((it.onnx, it.processing) for it in (sound, damaged))
    assert before != after, "the damage changed nothing"
    with pytest.raises(ConversionError):
        check(spec, damaged)
