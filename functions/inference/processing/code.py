"""The user's own code around a model: `preprocess` and `postprocess` on named arrays.

Options: `file`, a Python file among the artifact's verified ones. It may define
`preprocess(arrays)` and `postprocess(arrays)`, each from a dict of arrays by name to another. A
ValueError in `preprocess` is the caller's fault, anything else the model's.
"""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from functions.inference.errors import InvalidInput
from functions.inference.predictor import SessionError
from functions.inference.tensors import Array

_Function = Callable[[dict[str, Array]], dict[str, Array]]


def make(options: Mapping[str, Any], files: Mapping[str, bytes]) -> "CodeStep":
    """The step with these options; see the module. The file is run."""
    return CodeStep(str(options["file"]), files[options["file"]])


class CodeStep:
    """See `processed.Step`."""

    extras: tuple[str, ...] = ()

    def __init__(self, file: str, source: bytes) -> None:
        module = ModuleType(file.removesuffix(".py"))
        try:
            exec(compile(source, file, "exec"), vars(module))  # noqa: S102 the manifest asks for it
        except Exception as error:  # the user's code raises what it likes
            raise ValueError(f"cannot run its {file}: {error!r}") from error
        self._preprocess: _Function | None = getattr(module, "preprocess", None)
        self._postprocess: _Function | None = getattr(module, "postprocess", None)
        if self._preprocess is None and self._postprocess is None:
            raise ValueError(f"has a {file} that defines neither preprocess nor postprocess")

    def before(self, arrays: dict[str, Array]) -> dict[str, Array]:
        """See `Step.before`."""
        if self._preprocess is None:
            return arrays
        try:
            return _arrays(self._preprocess(arrays))
        except ValueError as error:
            name = ", ".join(arrays)
            raise InvalidInput(name, f"is not what the model takes: {error}") from error
        except Exception as error:  # the user's code raises what it likes
            raise SessionError(error) from error

    def after(self, arrays: dict[str, Array]) -> dict[str, Array]:
        """See `Step.after`."""
        if self._postprocess is None:
            return arrays
        try:
            return _arrays(self._postprocess(arrays))
        except Exception as error:  # the user's code raises what it likes
            raise SessionError(error) from error


def _arrays(given: Any) -> dict[str, Array]:
    if not isinstance(given, dict):
        raise TypeError(
            f"the model's own code gives a {type(given).__name__}, not a dict of arrays"
        )
    return given
