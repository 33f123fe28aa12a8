"""Errors of the stores of published versions."""

from pathlib import Path

from lading.model_packaging.errors import PackagingError


class NumberTaken(PackagingError):
    """The version number that a source states is not above all published versions.

    Remedy: rename the source's folder to a higher number, or name the folder itself as source.
    """

    def __init__(self, model: str, number: int, newest: int) -> None:
        published = f"version {newest} is published" if newest else "versions begin at 1"
        super().__init__(
            f"model '{model}': the highest version in its source folder is {number}, but "
            f"{published}; rename the folder {number} to a higher number, or name that folder "
            "itself as source: it is then published under the next number"
        )
        self.model, self.number, self.newest = model, number, newest


class StoreError(PackagingError):
    """A version cannot be read from the store or published to it.

    Remedy: check the folder or the bucket; `lading push` and `lading pull` copy versions.

    Args:
        model: the model of the version; None for an error of the whole store.
        place: the folder or the address.
        reason: what is wrong with it, and what to do.
    """

    def __init__(self, model: str | None, place: Path | str, reason: str) -> None:
        super().__init__(f"model '{model}': {place} {reason}" if model else f"{place} {reason}")
        self.model, self.place, self.reason = model, str(place), reason
