"""What a file of PyTorch is, by the names in its archive; nothing of it is loaded."""

import zipfile
from enum import Enum
from pathlib import Path
from typing import Final

_PROGRAM: Final = "models/model.json"
_SCRIPT: Final = "constants.pkl"


class TorchArchive(Enum):
    """The kinds of archives that PyTorch writes."""

    PROGRAM = "exported program"
    """`torch.export.save` wrote it."""
    SCRIPT = "TorchScript"
    """`torch.jit.save` wrote it."""
    WEIGHTS = "weights"
    """`torch.save` wrote it, or something else did."""


def torch_archive(path: Path) -> TorchArchive | None:
    """Return the kind of an archive; None for a folder, and for a file that is no archive.

    Raises:
        zipfile.BadZipFile: it is damaged.
    """
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        names = {name.partition("/")[2] for name in archive.namelist()}
    if _PROGRAM in names:
        return TorchArchive.PROGRAM
    return TorchArchive.SCRIPT if _SCRIPT in names else TorchArchive.WEIGHTS


def has_program(path: Path) -> bool:
    """Return whether a file has a program of PyTorch, which is run when it is converted."""
    try:
        return torch_archive(path) in (TorchArchive.PROGRAM, TorchArchive.SCRIPT)
    except (zipfile.BadZipFile, OSError):
        return False
