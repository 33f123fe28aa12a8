"""What every store gives and decides alike."""

from collections.abc import Mapping
from dataclasses import dataclass

from functions.inference.artifact import SPECIFICATION, Artifact, HeldFiles, read_artifact
from functions.inference.contract import artifact_folder
from functions.inference.errors import ArtifactCorrupt


@dataclass(frozen=True, slots=True)
class Published:
    """A version read from a store.

    `artifact` is verified; `files` are all of the version's, by name, with those beside it that no
    digest covers; `location` is its folder or its address, for people.
    """

    artifact: Artifact
    files: Mapping[str, bytes]
    location: str


def verify(name: str, version: int, files: Mapping[str, bytes], digest: str | None) -> Artifact:
    """The artifact that these files are.

    Raises:
        ArtifactError: they are none, another than `digest` says, or of another model.
    """
    held = HeldFiles(artifact_folder(name, version), files)
    artifact = read_artifact(held, digest)
    if artifact.name != name:
        raise ArtifactCorrupt(held.place(SPECIFICATION), f"it is of model '{artifact.name}'")
    return artifact


def next_number(digest: str, taken: tuple[int, ...], pinned: Mapping[int, str]) -> int:
    """The number that the lock has for this very artifact, else the next one."""
    restored = (version for version in pinned if pinned[version] == digest and version not in taken)
    return next(restored, max((0, *taken, *pinned)) + 1)
