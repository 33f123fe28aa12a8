"""Locked packages and their licenses."""

import re
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, metadata, version
from pathlib import Path

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)\s*(?:;\s*([^\\\n]+?))?\s*(?:\\|$)")
_DIGEST = re.compile(r"--hash=(sha256:[0-9a-f]{64})")
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Package:
    """A package of the index.

    Args:
        name: its name.
        version: its version.
        digests: SHA-256 of each of its locked files.
        marker: where it is installed, as a marker of PEP 508; empty for everywhere.
        expression: its license as an SPDX expression; empty if it states none.
        licenses: its licenses as it calls them, if it states no expression.
    """

    name: str
    version: str
    digests: tuple[str, ...] = ()
    marker: str = ""
    expression: str = ""
    licenses: tuple[str, ...] = ()


def read_locked(*files: Path) -> list[Package]:
    """Read files of locked requirements, as `make lock` writes them; sorted by name."""
    found: dict[tuple[str, str], Package] = {}
    for file in files:
        for entry in re.split(r"\n(?=[A-Za-z])", file.read_text(encoding="utf-8")):
            if pin := _PIN.match(entry):
                digests = tuple(_DIGEST.findall(entry))
                found[pin[1], pin[2]] = Package(pin[1], pin[2], digests, pin[3] or "")
    return [found[pin] for pin in sorted(found)]


def with_license(package: Package) -> Package:
    """Return a package with its license, if this very version is installed here."""
    try:
        if version(package.name) != package.version:
            return package
        about = metadata(package.name)
    except PackageNotFoundError:
        return package
    if expression := about.json.get("license_expression"):
        return replace(package, expression=str(expression))
    named = str(about.json.get("license") or "").strip()
    if named and "\n" not in named and len(named) <= _LONGEST_NAME:
        return replace(package, licenses=(named,))
    classified = [
        each for each in about.get_all("Classifier") or () if each.startswith("License ::")
    ]
    return replace(package, licenses=tuple(each.rpartition(" :: ")[2] for each in classified))
