"""Reads a YAML file of figures that people write, and says which value is invalid."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from lading.model_packaging.errors import ManifestError, PackagingError
from lading.model_packaging.manifest.located_yaml import LocatedYaml

M = TypeVar("M", bound=BaseModel)


def read_checked(path: Path, kind: type[M], refusal: Callable[[Path, str], PackagingError]) -> M:
    """Read a file, and check it.

    Args:
        path: the file.
        kind: the model of its content.
        refusal: makes the error from the file and the reason.

    Raises:
        PackagingError: what `refusal` makes; the file cannot be read, or has an invalid value.
    """
    try:
        return kind.model_validate(LocatedYaml(path).value)
    except ManifestError as error:
        raise refusal(path, error.reason) from error
    except ValidationError as error:
        detail = error.errors()[0]
        key = ".".join(map(str, detail["loc"]))
        raise refusal(path, f"{key}: {detail['msg']}") from error
