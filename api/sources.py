"""The source of a model is on this machine before it is packaged: downloaded, or unpacked."""

from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Final

from lading.model_packaging.lock.file import LockedSource, read_lock
from lading.model_packaging.manifest.address import CACHE
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.remote.cache import ARCHIVES, fetch, is_here, unpacked
from lading.model_packaging.remote.kind import OnBytes, shown
from lading.model_packaging.sizes import in_words
from lading.model_packaging.sources.mlflow_source import as_logged
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
            return as_logged(replace(spec, source=unpacked(spec.source, cache))), None
        return as_logged(spec), None
    pin = None if refresh else read_lock(lock).model(spec.name).source
    began = monotonic()
    on_stage(_STAGE, "")
    found = fetch(spec.origin, pin, cache, _progress(on_stage))
    if found.bytes:
        took = f"{in_words(found.bytes)} in {monotonic() - began:.1f} s"
        on_stage(_STAGE, f"{took}, {shown(spec.origin)} at {found.pin.revision[:24]}")
    return as_logged(replace(spec, source=found.path)), found.pin


def comes_first(spec: ModelSpec, lock: Path, *, refresh: bool = False) -> str:
    """Return what `located` would download first; empty if the source is on this machine."""
    if spec.origin is None:
        return ""
    pin = None if refresh else read_lock(lock).model(spec.name).source
    return "" if is_here(spec.origin, pin, lock.parent / CACHE) else shown(spec.origin)


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
