"""Several versions of a model that answer callers at the same time: `split` of its settings.

    models:
      digits:
        split: {versions: {stable: 90, canary: 10}, key: x-user-id}

Versions are named by their labels or numbers, with their percent of the keys. The value of the
header `key` decides which version a request gets (`functions/contract/split.py`).
"""

from collections.abc import Mapping
from math import fsum
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field

from lading.model_packaging.lock.file import LockedModel
from lading.stacks.stages.sagemaker import StageEntry

_HUNDRED: Final = 100
_TOLERANCE: Final = 1e-6
_MOST_VERSIONS: Final = 4


def _named(versions: Any) -> Any:
    """Return the versions by text: YAML reads a number as a number."""
    return {str(it): at for it, at in versions.items()} if isinstance(versions, dict) else versions


def _whole(versions: Mapping[str, float]) -> Mapping[str, float]:
    if abs(fsum(versions.values()) - _HUNDRED) > _TOLERANCE:
        raise ValueError(f"the percents must add up to 100, not {fsum(versions.values()):g}")
    return versions


Percent = Annotated[float, Field(ge=0, le=_HUNDRED)]


class SplitSettings(StageEntry):
    """The versions that answer, their shares, and the header that requests are divided by."""

    versions: Annotated[
        Mapping[str, Percent],
        BeforeValidator(_named),
        Field(min_length=1, max_length=_MOST_VERSIONS),
        AfterValidator(_whole),
    ]
    """Label or number of a version -> percent of the keys; 0: only who names it gets it."""
    key: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$")
    """The header that names who asks, such as x-user-id; None: requests are divided by chance."""

    def percents(self, locked: LockedModel) -> dict[int, float]:
        """Return version -> percent; two names of one version add up.

        Args:
            locked: the model's entry in the lock.

        Raises:
            ValueError: the lock does not have a version; the text says which ones it has.
        """
        percents: dict[int, float] = {}
        for name, percent in self.versions.items():
            version = int(name) if name.isdecimal() else locked.labels.get(name)
            if version not in locked.versions:
                what = f"version {name}" if name.isdecimal() else f"the label '{name}'"
                known = ", ".join([*map(str, sorted(locked.versions)), *sorted(locked.labels)])
                raise ValueError(
                    f"its `split` names {what}, which the lock does not have; it has {known}"
                )
            percents[version] = percents.get(version, 0) + percent
        return percents
