"""The layer with the packages of a class of the user's own (`engine: python`).

Its `requirements.txt` pins every package. A function has the packages of the service already: one
of these in the same version is left out, and one in another version is refused, since a process has
only one version of a package.
"""

from collections.abc import Collection, Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from lading.stacks.build.requirements import Locked
from lading.stacks.build.trimming import is_kept_of_packages
from lading.stacks.build.wheels import install_wheels
from lading.stacks.errors import PackagesUnusable, WheelsMissing
from lading.stacks.stages.target import Target

_CONTAINER: Final = "or serve it in a container (target: container)"


def lacking(model: str, lines: Collection[str], present: Collection[Locked]) -> tuple[Locked, ...]:
    """Return the requirements that a function lacks, sorted.

    Args:
        model: name of the model, for errors.
        lines: the requirements, each `name==version`, with hashes if there are any.
        present: the packages in the other layers of its function.

    Raises:
        PackagesUnusable: one has another version there, or is pinned to two versions.
    """
    there = {each.name: _version(each) for each in present}
    wanted: dict[str, Locked] = {}
    for each in map(_locked, lines):
        found = there.get(each.name)
        if found is not None and found != _version(each):
            reason = f"pins {each.name}{each.version}, but Lading's own layer has {found}"
            advice = f"remove {each.name} from it, which the function has already, pin {found}"
            raise PackagesUnusable(model, f"{reason}; {advice}, {_CONTAINER}")
        other = wanted.setdefault(each.name, each)
        if _version(other) != _version(each):
            reason = f"pins {each.name} to {_version(other)} and to {_version(each)}"
            advice = "a function has one version of a package for all versions of a model"
            raise PackagesUnusable(model, f"{reason}; {advice}, so pin one of them")
    return tuple(sorted(each for name, each in wanted.items() if name not in there))


def install(
    model: str,
    requirements: Collection[Locked],
    present: Collection[Locked],
    target: Target,
    folder: Path,
) -> None:
    """Install the wheels of requirements into a folder, and check that they need nothing else.

    Raises:
        PackagesUnusable: one has no wheel, or needs what is not there.
    """
    try:
        install_wheels(requirements, target, folder, is_kept_of_packages)
    except WheelsMissing as error:
        advice = f"pin versions with wheels for it, {_CONTAINER}"
        reason = f"has a package without a wheel for {target}: {error.reason}"
        raise PackagesUnusable(model, f"{reason}; {advice}") from error
    there = {each.name: str(_version(each)) for each in (*present, *requirements)}
    for each in distributions(path=[str(folder)]):
        for need in _needs(each, target):
            found = there.get(canonicalize_name(need.name))
            if found is None or not need.specifier.contains(found, prereleases=True):
                state = f"has {found}" if found else "does not pin it"
                reason = f"{state}, but {each.name} needs {need.name}{need.specifier}"
                raise PackagesUnusable(model, f"{reason}; pin every package, as pip freeze does")


def _needs(found: Distribution, target: Target) -> Iterator[Requirement]:
    """Yield what an installed package needs on the target, without its extras."""
    markers: Mapping[str, str] = {**target.markers, "extra": ""}
    for need in map(Requirement, found.requires or ()):
        if need.marker is None or need.marker.evaluate(dict(markers)):
            yield need


def _locked(line: str) -> Locked:
    text, *hashes = line.split(" --hash=")
    requirement = Requirement(text)
    name = canonicalize_name(requirement.name)
    return Locked(name, str(requirement.specifier), tuple(sorted(hashes)))


def _version(locked: Locked) -> Version:
    return Version(locked.version.removeprefix("=="))
