"""The format of a Keras file, and the version of Keras that wrote it, read without Keras."""

import json
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

_HDF5 = b"\x89HDF\r\n\x1a\n"
_METADATA = "metadata.json"


def suffix_of(source: Path) -> str:
    """Return the suffix by which Keras chooses its reader, from the file's content."""
    return ".keras" if zipfile.is_zipfile(source) else ".h5"


def described(source: Path) -> str | None:
    """Describe a Keras file, such as 'an HDF5 file of Keras 2.11.0'; None if it is damaged."""
    made = _version(source)
    return made and f"{_FORMATS[suffix_of(source)]} of Keras {made}"


_FORMATS = {".keras": "a .keras file", ".h5": "an HDF5 file"}


def version_advice(source: Path) -> str:
    """Return advice for a file of another version of Keras; empty for the installed version."""
    made, installed = _version(source) or "", version("keras")
    if made.startswith("2."):
        return (
            f"Keras {installed} cannot read all of these: load it where Keras 2 runs (TensorFlow "
            "2.15, or tf_keras), save it with model.export('saved_model'), and name that folder"
        )
    if _numbers(made) > _numbers(installed):
        return f"Keras {installed} is older: pip install keras=={made}"
    return ""


def holds_weights_alone(source: Path) -> bool:
    """Return whether an HDF5 file contains only weights and no model."""
    attributes = _attributes(source)
    return attributes is not None and "model_config" not in attributes


def _version(source: Path) -> str | None:
    """Return the version of Keras that wrote a file, as the file states it."""
    if suffix_of(source) == ".h5":
        made = (_attributes(source) or {}).get("keras_version")
        return made.decode() if isinstance(made, bytes) else made
    try:
        with zipfile.ZipFile(source) as archive:
            made = json.loads(archive.read(_METADATA))["keras_version"]
    except (KeyError, TypeError, ValueError, OSError, zipfile.BadZipFile):
        return None
    return str(made)


def _attributes(source: Path) -> dict[str, Any] | None:
    """Return the attributes of an HDF5 file; None if it is damaged."""
    import h5py

    with source.open("rb") as stream:
        if stream.read(len(_HDF5)) != _HDF5:
            return None
    try:
        with h5py.File(source) as file:
            return dict(file.attrs)
    except (OSError, RuntimeError, KeyError):
        return None


def _numbers(made: str) -> tuple[int, ...]:
    return tuple(int(part) for part in made.split(".") if part.isdecimal())
