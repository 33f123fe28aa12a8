"""The versions of a model that one function serves side by side, and which requests each gets."""

from collections.abc import Mapping

from lading.functions.contract.names import DEFAULT_LABEL
from lading.functions.contract.split import VersionSplit
from lading.model_packaging.lock.file import LockedModel
from lading.stacks.stages.split import SplitSettings


def plan_split(settings: SplitSettings | None, locked: LockedModel) -> VersionSplit | None:
    """Return the share of each version; None if one version answers every request.

    Raises:
        ValueError: the lock lacks a version, or has one that does not run on Lambda itself.
    """
    if settings is None:
        return None
    percents = settings.percents(locked)
    served = {*percents, *stable_version(locked)}
    for version in sorted(served):
        if locked.versions[version].target != "lambda":
            raise ValueError(
                f"`split` is for models whose versions all run on Lambda itself, and the target of "
                f"version {version} is {locked.versions[version].target}; remove it"
            )
    if len(served) == 1:
        return None
    return VersionSplit(percents, (settings.key or "").lower())


def labels_of(split: VersionSplit | None, locked: LockedModel) -> Mapping[str, int]:
    """Return the labels of the versions that are served: `stable`, and with a split all of them."""
    served = {*(split.percents if split else ()), *stable_version(locked)}
    wanted = locked.labels if split else locked.labels.keys() & {DEFAULT_LABEL}
    return {label: locked.labels[label] for label in wanted if locked.labels[label] in served}


def stable_version(locked: LockedModel) -> tuple[int, ...]:
    """Return the stable version, which is always served; none if no version is stable."""
    stable = locked.labels.get(DEFAULT_LABEL)
    return () if stable is None else (stable,)
