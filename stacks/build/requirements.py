"""The locked requirements of the Lambda code, as they are for one target."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from lading.stacks.build.trimming import UNUSED_DISTRIBUTIONS
from lading.stacks.errors import RequirementsUnusable
from lading.stacks.stages.target import Target


@dataclass(frozen=True, slots=True, order=True)
class Locked:
    """One distribution at one version, and the digests of its permitted files."""

    name: str
    version: str
    hashes: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((f"{self.name}{self.version}", *(f"--hash={it}" for it in self.hashes)))


def locked_requirements(path: Path, target: Target) -> tuple[Locked, ...]:
    """Return the distributions locked at `path` for `target`, without those never imported.

    Markers are evaluated here, because pip reads some of their values from the Python that runs it.

    Raises:
        RequirementsUnusable: the file is missing, or is not a lock with hashes.
    """
    chosen = sorted(
        locked for locked in _applying(path, target) if locked.name not in UNUSED_DISTRIBUTIONS
    )
    if not chosen:
        raise RequirementsUnusable(path, f"has no requirement for {target}")
    name, times = Counter(locked.name for locked in chosen).most_common(1)[0]
    if times > 1:
        raise RequirementsUnusable(path, f"has '{name}' {times} times for {target}")
    return tuple(chosen)


def _applying(path: Path, target: Target) -> Iterator[Locked]:
    for line in _lines(path):
        text, *hashes = line.split(" --hash=")
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise RequirementsUnusable(path, f"has an invalid line: '{text}'") from error
        if not hashes:
            raise RequirementsUnusable(path, f"has no hash of '{requirement.name}'")
        if requirement.marker is None or requirement.marker.evaluate(dict(target.markers)):
            digests = tuple(sorted(digest.strip() for digest in hashes))
            name = canonicalize_name(requirement.name)
            yield Locked(name, str(requirement.specifier), digests)


def _lines(path: Path) -> list[str]:
    """Return logical lines: without comments, and with continued lines joined."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RequirementsUnusable(path, "cannot be read") from error
    joined = text.replace("\\\n", " ").splitlines()
    lines = [" ".join(line.partition("#")[0].split()) for line in joined]
    return [line for line in lines if line]
