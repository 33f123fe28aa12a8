"""pyarrow, which only files of Parquet need."""

from types import ModuleType

from lading.batch.errors import InputUnusable


def library(file: str) -> ModuleType:
    """Return pyarrow's module for Parquet.

    Args:
        file: the file that needs it, for the error.

    Raises:
        InputUnusable: it is not installed.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        reason = "needs pyarrow; install it with: pip install pyarrow"
        raise InputUnusable(file, reason) from error
    found: ModuleType = parquet
    return found
