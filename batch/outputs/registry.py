"""The formats that a batch writes.

To add a format, write a module with an `OutputFormat`, and add a line to `FORMATS`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from lading.batch.errors import OutputUnusable
from lading.batch.outputs.comma import CommaSeparated
from lading.batch.outputs.folder import FolderOfAnswers
from lading.batch.outputs.lines import JsonLines
from lading.batch.outputs.npz import ArchiveOfArrays
from lading.batch.outputs.parquet import ParquetAnswers
from lading.batch.outputs.part import OutputFormat

FORMATS: Mapping[str, OutputFormat] = MappingProxyType(
    {
        ".csv": CommaSeparated(),
        ".jsonl": JsonLines(),
        ".ndjson": JsonLines(),
        ".npz": ArchiveOfArrays(),
        ".parquet": ParquetAnswers(),
        "": FolderOfAnswers(),
    }
)


def output_suffix(output: str) -> str:
    """Return the suffix that chooses the format of an output; empty for a folder.

    Raises:
        OutputUnusable: there is no such format.
    """
    name = output.rstrip("/").rpartition("/")[2]
    suffix = f".{name.rpartition('.')[2]}" if "." in name.lstrip(".") else ""
    if output.endswith("/"):
        suffix = ""
    if suffix not in FORMATS:
        known = ", ".join(each for each in FORMATS if each)
        raise OutputUnusable(output, f"has an unsupported format; use {known}, or a folder")
    return suffix
