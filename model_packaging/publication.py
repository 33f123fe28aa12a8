"""What every store gives and decides alike."""

from collections.abc import Mapping
from dataclasses import dataclass

from functions.inference.artifact import ENGINE, SPECIFICATION, Artifact, HeldFiles, read_artifact
from functions.inference.contract import artifact_folder
from functions.inference.errors import ArtifactCorrupt
from model_packaging.engine_files import EngineFiles


@dataclass(frozen=True, slots=True)
class Published:
    """A version read from a store.

    `artifact` is verified; `files` are all of the version's, by name, with those beside it that no
    digest covers; `location` is its folder or its address, for people. Its engine's files are all
    there and of their size; their content is verified when it is read.
    """

    artifact: Artifact
    files: Mapping[str, bytes]
    location: str
    engine: EngineFiles | None = None


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


def check_engine(artifact: Artifact, sizes: Mapping[str, int]) -> None:
    """Compare the engine's files that are there, by path and size, with the artifact's list.

    Raises:
        ArtifactCorrupt: one is missing, of another size, or not listed; an engine would load it.
    """
    listed = artifact.engine.files if artifact.engine else {}
    for path in sorted({*listed, *sizes}):
        have, want = sizes.get(path), listed[path].bytes if path in listed else None
        if have != want:
            place = f"{ENGINE}/{path}"
            raise ArtifactCorrupt(place, f"has {have} bytes, {SPECIFICATION} says {want}")


def next_number(digest: str, taken: tuple[int, ...], pinned: Mapping[int, str]) -> int:
    """The number that the lock has for this very artifact, else the next one."""
    restored = (version for version in pinned if pinned[version] == digest and version not in taken)
    return next(restored, max((0, *taken, *pinned)) + 1)
