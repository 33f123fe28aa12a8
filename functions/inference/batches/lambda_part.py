"""Answers a part of a batch by the model that a function serves; imported with the first part."""

from collections.abc import Mapping
from typing import Any

from lading.functions.inference.batches.event import answer_event
from lading.functions.inference.batches.objects import PartObjects
from lading.functions.inference.loading.catalog import Catalog


def answer_part(event: Mapping[str, Any], catalog: Catalog) -> dict[str, int]:
    """Answer an event of a Distributed Map; see `event`.

    Raises:
        InferenceError: no row of this kind can be answered.
    """
    (model,) = catalog.models()
    predictor = model.predictor(model.default_version())
    return answer_event(event, predictor, PartObjects())
