"""The common part of all stores: the form of versions, their verification and numbering."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lading.functions.contract.errors import ArtifactCorrupt
from lading.functions.contract.names import artifact_folder
from lading.functions.inference.artifact.reading import read_artifact, sha256
from lading.functions.inference.artifact.specification import ENGINE, SPECIFICATION, Artifact
from lading.functions.inference.attestation.statement import BUNDLE
from lading.model_packaging.store.engine_files import EngineFiles
from lading.model_packaging.store.errors import NumberTaken

Seal = Callable[[str, int, "Built"], bytes]
"""Returns the signature of a version, by model and number."""


@dataclass(frozen=True, slots=True)
class Built:
    """The files of a version by name, and those of its engine.

    `seal` signs it. A store calls it when it has chosen the number, which is signed too.
    """

    files: Mapping[str, bytes]
    engine: EngineFiles | None = None
    seal: Seal | None = None

    @property
    def identity(self) -> str:
        """The identity that artifact.json states."""
        return str(json.loads(self.files[SPECIFICATION])["identity"])

    @property
    def digest(self) -> str:
        """SHA-256 of artifact.json, and so of everything that it lists."""
        return sha256(self.files[SPECIFICATION])

    def sealed(self, name: str, version: int) -> "Built":
        """Return the files with their signature, if they are to be signed."""
        if self.seal is None:
            return self
        files = {**self.files, BUNDLE: self.seal(name, version, self)}
        return replace(self, files=files, seal=None)


@dataclass(frozen=True, slots=True)
class Published:
    """A version read from a store.

    `artifact` is verified. `files` are all files of the version by name, also those without a
    digest. `location` is its folder or address, for users. The engine's files exist and have their
    sizes; their content is verified when it is read.
    """

    artifact: Artifact
    files: Mapping[str, bytes]
    location: str
    engine: EngineFiles | None = None


def verify(name: str, version: int, files: Mapping[str, bytes], digest: str | None) -> Artifact:
    """Return the artifact of these files.

    Raises:
        ArtifactError: they are damaged, have another digest, or are of another model.
    """
    place = Path(artifact_folder(name, version))
    artifact = read_artifact(place, digest, files)
    if artifact.name != name:
        raise ArtifactCorrupt(
            (place / SPECIFICATION).as_posix(), f"it belongs to model '{artifact.name}'"
        )
    return artifact


def check_engine(artifact: Artifact, sizes: Mapping[str, int]) -> None:
    """Compare the sizes of the engine's files, by path, with the artifact's list.

    Raises:
        ArtifactCorrupt: a file is missing, has another size, or is not listed: engines load all.
    """
    listed = artifact.engine.files if artifact.engine else {}
    for path in sorted({*listed, *sizes}):
        have, want = sizes.get(path), listed[path].bytes if path in listed else None
        if have != want:
            place = f"{ENGINE}/{path}"
            raise ArtifactCorrupt(place, f"has {have} bytes, {SPECIFICATION} states {want}")


def next_number(
    name: str,
    digest: str,
    known: Collection[int],
    pinned: Mapping[int, str],
    stated: int | None = None,
) -> int:
    """Return the number of the version to publish.

    Args:
        name: the model.
        digest: SHA-256 of its artifact.json.
        known: the published versions.
        pinned: the lock's versions and their digests.
        stated: the number that the source states; None if it states none.

    Returns:
        The number that the lock has for this artifact, else `stated`, else the next free one.

    Raises:
        NumberTaken: `stated` is not above all known versions.
    """
    restored = (version for version in pinned if pinned[version] == digest and version not in known)
    number = next(restored, None)
    if number is None and stated is not None:
        require_above(name, stated, (*known, *pinned))
    return number or stated or max((0, *known, *pinned)) + 1


def require_above(name: str, stated: int, known: Collection[int]) -> None:
    """Check the number that a model's source states.

    Raises:
        NumberTaken: it is not above all known versions.
    """
    newest = max((0, *known))
    if stated <= newest:
        raise NumberTaken(name, stated, newest)
