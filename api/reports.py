"""The page about a packaged version: `lading report`, and in notebooks."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from lading.api.errors import InputUnreadable
from lading.api.locked import LOCK, chosen_version
from lading.functions.contract.errors import ArtifactError
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import REPORT, SPECIFICATION
from lading.model_packaging.energy.estimate import Estimator
from lading.model_packaging.lock.file import CopyElsewhere, read_lock, version_folder
from lading.model_packaging.report.figures import ReportedVersion, read_report
from lading.model_packaging.report.page import render_page


@dataclass(frozen=True, slots=True)
class ModelReport:
    """One HTML page about a version: sizes, latencies, the gate, energy, what made it.

    Args:
        name: the model's name.
        version: its number.
        html: the page, which loads nothing from the network.
    """

    name: str
    version: int
    html: str

    def save(self, path: str | Path | None = None) -> Path:
        """Write the page to a file, by default NAME-VERSION.html here, and return its path."""
        place = Path(path) if path else Path(f"{self.name}-{self.version}.html")
        place.write_text(self.html, encoding="utf-8")
        return place

    def _repr_html_(self) -> str:
        """Return the page in a frame of its own, for notebooks; its style stays inside."""
        page = escape(self.html, quote=True)
        title = escape(f"{self.name} version {self.version}", quote=True)
        style = "width: 100%; height: 40rem; border: 0"
        return f'<iframe sandbox title="{title}" style="{style}" srcdoc="{page}"></iframe>'


def report(
    name: str,
    version: int | None = None,
    *,
    lock: str | Path = LOCK,
    estimator: Estimator | None = None,
) -> ModelReport:
    """Return the page about a version.

    Args:
        name: the model's name.
        version: its number; None: the stable one, else the newest.
        lock: models.lock.json.
        estimator: of energy; by default with Lading's own figures and no region.

    Raises:
        NothingLocked: the lock does not have it.
        ArtifactError: it is missing or damaged.
        InputUnreadable: its documents are not what packaging writes.
    """
    number = chosen_version(Path(lock), name, version)
    found = _read(Path(lock), name, number)
    try:
        page = render_page(found, _earlier(Path(lock), name, number), estimator)
    except ValueError as error:
        folder = version_folder(Path(lock), name, number)
        raise InputUnreadable(str(folder / SPECIFICATION), str(error)) from error
    return ModelReport(name, number, page)


def _read(lock: Path, name: str, version: int) -> ReportedVersion:
    """Return the documents of a version.

    Raises:
        CopyElsewhere, ArtifactError: they are not on this machine, or damaged.
    """
    digest = read_lock(lock).model(name).versions[version].digest
    folder = version_folder(lock, name, version)
    artifact = read_artifact(folder, digest)
    figures = _figures(folder / REPORT)
    return ReportedVersion(version, artifact.specification, figures, digest, artifact.golden or b"")


def _earlier(lock: Path, name: str, version: int) -> ReportedVersion | None:
    """Return the version before; None if there is none here that can be read."""
    numbers = [number for number in read_lock(lock).model(name).versions if number < version]
    try:
        return _read(lock, name, max(numbers)) if numbers else None
    except (ArtifactError, CopyElsewhere):
        return None


def _figures(path: Path) -> Mapping[str, Any]:
    """Return the content of report.json; empty when it cannot be read."""
    try:
        return read_report(path.read_bytes())
    except OSError:
        return {}
