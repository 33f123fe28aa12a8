"""Packages models of a manifest, each in a process of its own."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NamedTuple

from lading.api.progress import show_stages
from lading.api.sources import comes_first, located
from lading.api.training import builder_of, find_trained, trained_version, with_source
from lading.functions.contract.errors import InferenceError
from lading.functions.inference.artifact.specification import SERVING_DEFAULT
from lading.model_packaging.errors import PackagingError
from lading.model_packaging.isolated import isolated
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.packaging_limits import Limits
from lading.model_packaging.pipeline import foresee
from lading.model_packaging.pipeline import package as package_model
from lading.model_packaging.specification import Packaged
from lading.model_packaging.stages import OnStage, ignore_stages
from lading.model_packaging.store.publication import Seal
from lading.model_packaging.store.versions import Store
from lading.training.errors import NotTrained


class Work(NamedTuple):
    """What all models are packaged with."""

    store: Store
    lock: Path
    regions: Sequence[str] = ()
    sealed: Seal | None = None
    limits: Limits = Limits()
    verbose: bool = False
    quiet: bool = False
    refresh: bool = False


def package_each(
    specs: Sequence[ModelSpec], work: Work
) -> Iterator[tuple[str, Packaged | Exception]]:
    """Package one model after another; yield each name with its version or its error."""
    for spec in specs:
        try:
            with _shown(spec.name, work) as on_stage, isolated(work.limits) as builder:
                here, source = located(spec, work.lock, on_stage, refresh=work.refresh)
                packaged = find_trained(here, work.lock) or package_model(
                    with_source(here, work.lock),
                    work.store,
                    work.lock,
                    on_stage,
                    work.regions,
                    builder_of(here, work.lock, builder),
                    work.sealed,
                    source,
                )
        except (PackagingError, InferenceError) as error:
            yield spec.name, error
        else:
            yield spec.name, packaged


class Foreseen(NamedTuple):
    """What packaging a model would do.

    Args:
        version: the version that it would keep; None for a new one.
        download: the source that would be downloaded first; then nothing more is known.
    """

    version: int | None
    download: str = ""


def foresee_each(
    specs: Sequence[ModelSpec], work: Work
) -> Iterator[tuple[str, Foreseen | Exception]]:
    """Say what packaging each model would do; nothing is built, downloaded or published."""
    for spec in specs:
        try:
            yield spec.name, _foreseen(spec, work)
        except (PackagingError, InferenceError) as error:
            yield spec.name, error


def foresee_training(spec: ModelSpec, work: Work) -> Foreseen | None:
    """Say what training and packaging would do; None: the model would be trained first.

    Raises:
        PackagingError: it cannot be trained or packaged, as far as that is known before.
    """
    try:
        return _foreseen(spec, work)
    except NotTrained:
        return None


def _foreseen(spec: ModelSpec, work: Work) -> Foreseen:
    if first := comes_first(spec, work.lock, refresh=work.refresh):
        return Foreseen(None, first)
    here, _ = located(spec, work.lock, ignore_stages)
    if known := trained_version(here, work.lock):
        return Foreseen(known[0])
    return Foreseen(foresee(with_source(here, work.lock), work.store, work.lock, work.regions))


def _shown(model: str, work: Work) -> AbstractContextManager[OnStage]:
    return nullcontext(ignore_stages) if work.quiet else show_stages(model, verbose=work.verbose)


def package_line(packaged: Packaged) -> str:
    """Return the result for users, as one line."""
    state = "published" if packaged.built else "unchanged"
    line = f"{packaged.name} version {packaged.version} {state}: {packaged.size_after:,} bytes"
    if packaged.size_after != packaged.size_before:
        line += f" (was {packaged.size_before:,})"
    if packaged.accuracy is not None:
        line += f", {packaged.accuracy}"
    if packaged.signatures != (SERVING_DEFAULT,):
        line += f", signatures: {', '.join(packaged.signatures)}"
    if packaged.target != "lambda":
        line += f", for {packaged.target}"
    return f"{line}, labels: {', '.join(packaged.labels) or 'none'}"
