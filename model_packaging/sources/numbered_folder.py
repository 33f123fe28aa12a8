"""TensorFlow Serving's base folders, with a folder for each version, named by its number."""

from pathlib import Path

SAVED_MODEL = "saved_model.pb"


def highest_version(source: Path) -> tuple[int, Path] | None:
    """Return the highest version of a base folder, and its folder; None if it is not one.

    Folders whose names are not numbers, and those without a SavedModel, are not versions.
    """
    if not source.is_dir() or (source / SAVED_MODEL).is_file():
        return None
    names = (path.parent for path in source.glob(f"*/{SAVED_MODEL}") if path.is_file())
    versions = [path for path in names if path.name.isascii() and path.name.isdecimal()]
    return max(((int(path.name), path) for path in versions), default=None)


def stated_number(source: Path) -> int | None:
    """Return the version number that a source states; None if it states none."""
    found = highest_version(source)
    return found and found[0]
