"""What a store holds of a model, for those who remove what nothing needs."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Stored:
    """A version in a store, or files beside the versions that several of them may need.

    Args:
        place: its folder or address.
        version: the version's number; None for files beside the versions.
        bytes: the size of all its files.
        modified: when the last of them was written here.
        needs: the places of the files beside it that a version needs.
        keys: the objects in S3; empty for a folder.
    """

    place: str
    version: int | None
    bytes: int
    modified: datetime
    needs: frozenset[str] = frozenset()
    keys: tuple[str, ...] = ()
