"""Answers a part of a batch by the model that a function serves; imported with the first part.

The event names the version: while traffic shifts, a call may reach a function that serves another.
"""

from collections.abc import Mapping
from typing import Any

from lading.functions.inference.batches.event import answer_event
from lading.functions.inference.batches.objects import PartObjects
from lading.functions.inference.loading.catalog import Catalog


def answer_part(event: Mapping[str, Any], catalog: Catalog) -> dict[str, int]:
    """Answer an event of a Distributed Map; see `event`.

    Raises:
        VersionNotFound: this function does not serve the version.
        InferenceError: no row of this kind can be answered.
    """
    (model,) = catalog.models()
    stated = event.get("BatchInput")
    given = stated if isinstance(stated, Mapping) else {}
    predictor = model.predictor(model.find_version(given.get("version")))
    objects = PartObjects(str(given.get("results", "")), str(given.get("owner", "")))
    return answer_event(event, predictor, objects)
