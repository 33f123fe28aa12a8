"""Finds the published version that a training would make again."""

from pathlib import Path

from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.store.errors import StoreError
from lading.model_packaging.store.publication import Published
from lading.model_packaging.store.transfer import read_nearest
from lading.training.runs import packaging_of


def find_version(spec: ModelSpec, key: str, lock: Path) -> tuple[int, Published] | None:
    """Return the newest version that was trained from `key` and packaged as the manifest states.

    A version that cannot be read is passed over: it may be in a store that is out of reach.

    Args:
        spec: the model.
        key: the key of the training's recipe.
        lock: path of models.lock.json.
    """
    packaging = packaging_of(spec)
    versions = read_lock(lock).model(spec.name).versions
    for number in sorted(versions, reverse=True):
        try:
            published = read_nearest(spec.name, number, versions[number], lock)
        except StoreError:
            continue
        made = published.artifact.specification.get("training") or {}
        if (made.get("key"), made.get("packaging")) == (key, packaging):
            return number, published
    return None
