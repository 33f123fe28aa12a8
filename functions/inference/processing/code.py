"""Custom code around a model: `preprocess` and `postprocess` on named arrays.

Options: `file`, a Python file among the artifact's verified ones. It may define
`preprocess(arrays)` and `postprocess(arrays)`; each gets and returns a dict of arrays by name. A
parameter `custom_attributes` gets SageMaker's custom attributes of the request, as a text that is
empty if there are none. A ValueError in `preprocess` is an error of the caller, any other exception
one of the model.
"""

from collections.abc import Callable, Mapping
from inspect import signature
from types import ModuleType
from typing import Any, TypeVar

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.models.predictor import SessionError, custom_attributes
from lading.functions.inference.processing.step import Step
from lading.functions.inference.tensors.conversion import Array

_ATTRIBUTES = "custom_attributes"
T = TypeVar("T")
Given = TypeVar("Given")
_Function = Callable[[dict[str, Array]], dict[str, Array]]


def make(options: Mapping[str, Any], files: Mapping[str, bytes]) -> "CodeStep":
    """Return the step with these options; this runs the file."""
    return CodeStep(str(options["file"]), files[options["file"]])


class CodeStep(Step):
    """The step; see the module."""

    def __init__(self, file: str, source: bytes) -> None:
        module = load_code(file, source)
        self._preprocess = _informed(getattr(module, "preprocess", None))
        self._postprocess = _informed(getattr(module, "postprocess", None))
        if self._preprocess is None and self._postprocess is None:
            raise ValueError(f"has a {file} that must define preprocess or postprocess")

    def before(self, arrays: dict[str, Array]) -> dict[str, Array]:
        """See `Step.before`."""
        if self._preprocess is None:
            return arrays
        try:
            return called(self._preprocess, arrays)
        except SessionError as error:
            if not isinstance(error.__cause__, ValueError):
                raise
            reason = f"is not what the model accepts: {error.__cause__}"
            raise InvalidInput(", ".join(arrays), reason) from error

    def after(self, arrays: dict[str, Array]) -> dict[str, Array]:
        """See `Step.after`."""
        return arrays if self._postprocess is None else called(self._postprocess, arrays)


def load_code(file: str, source: bytes) -> ModuleType:
    """Run a Python file of an artifact, and return its module.

    Raises:
        ValueError: it fails.
    """
    module = ModuleType(file.removesuffix(".py"))
    try:
        run_code(lambda: exec(compile(source, file, "exec"), vars(module)))  # noqa: S102 the manifest's
    except SessionError as error:
        raise ValueError(f"cannot run its {file}: {error.__cause__!r}") from error
    return module


def _informed(function: Callable[..., Any] | None) -> _Function | None:
    """Return the function, with the custom attributes if it has a parameter for them."""
    if function is None or _ATTRIBUTES not in signature(function).parameters:
        return function
    wanting = function
    return lambda arrays: wanting(arrays, **{_ATTRIBUTES: custom_attributes.get()})


def run_code(work: Callable[[], T]) -> T:
    """Run the user's code, which may raise any exception.

    `sys.exit()` is an error of the model, too: it must not end the server, which runs quick models
    in its event loop. An interrupt from outside still ends it.

    Raises:
        SessionError: the code raised an exception, which is its cause.
    """
    try:
        return work()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise SessionError(error) from error


def called(function: Callable[[Given], Any], arrays: Given) -> dict[str, Array]:
    """Call a function of an artifact's code, which must return a dict of arrays.

    Raises:
        SessionError: it raises, or returns anything else.
    """
    given: object = run_code(lambda: function(arrays))
    if not isinstance(given, dict):
        kind = type(given).__name__
        raise SessionError(TypeError(f"the model's code returns a {kind}, not a dict of arrays"))
    return given
