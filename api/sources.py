"""The source of a model is on this machine before it is packaged: downloaded, or unpacked."""

from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Final

from lading.model_packaging.lock.edits import edit_lock
from lading.model_packaging.lock.file import Lock, LockedSource, read_lock
from lading.model_packaging.manifest.address import CACHE
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.remote.cache import ARCHIVES, fetch, unpacked
from lading.model_packaging.remote.kind import OnBytes, shown
from lading.model_packaging.sizes import in_words
from lading.model_packaging.stages import OnStage

_STAGE: Final = "fetch"
_STEP: Final = 1 << 24


def located(
    spec: ModelSpec, lock: Path, on_stage: OnStage, *, refresh: bool = False
) -> tuple[ModelSpec, LockedSource | None]:
    """Return a model whose source is a file or folder, and what the lock is to keep of it.

    Args:
        spec: the model.
        lock: the lock, whose pin counts.
        on_stage: called for the download.
        refresh: whether the pin does not count.

    Raises:
        PackagingError: the source cannot be downloaded or unpacked.
    """
    cache = lock.parent / CACHE
    if spec.origin is None:
        if spec.source.name.endswith(ARCHIVES) and spec.source.is_file():
            return replace(spec, source=unpacked(spec.source, cache)), None
        return spec, None
    pin = None if refresh else read_lock(lock).model(spec.name).source
    began = monotonic()
    on_stage(_STAGE, "")
    found = fetch(spec.origin, pin, cache, _progress(on_stage))
    if found.bytes:
        took = f"{in_words(found.bytes)} in {monotonic() - began:.1f} s"
        on_stage(_STAGE, f"{took}, {shown(spec.origin)} at {found.pin.revision[:24]}")
    return replace(spec, source=found.path), found.pin


def pin(lock: Path, name: str, source: LockedSource | None) -> None:
    """Enter in the lock which revision of its source a model was made of."""

    def change(content: Lock) -> Lock:
        model = content.model(name)
        return content.replaced(name, model.model_copy(update={"source": source}))

    if read_lock(lock).model(name).source != source:
        edit_lock(lock, change)


def _progress(on_stage: OnStage) -> OnBytes:
    """Return what shows the bytes that have come, in steps of 16 MiB."""
    reached = 0

    def show(done: int, total: int) -> None:
        nonlocal reached
        if done // _STEP > reached:
            reached = done // _STEP
            of = f" of {in_words(total)}" if total else ""
            on_stage(f"{_STAGE} {in_words(done)}{of}", "")

    return show
