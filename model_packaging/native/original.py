"""The original of a model that is not converted, in a process of its own.

A conversion and its original share a process: one is ONNX, the other the framework's. Here both are
the framework's, so the original must share nothing with the model that is served: no loaded
booster, no settings, no threads. The child runs `serve`: it opens the source once, and then answers
requests from standard input on standard output, until that is closed.
"""

import ctypes
import pickle
import signal
import subprocess
import sys
import weakref
from contextlib import suppress
from typing import Any, BinaryIO

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.errors import ConversionError, PackagingError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.native.originals import ORIGINALS
from lading.model_packaging.quiet import reserve_output, waiting_quietly

_PR_SET_PDEATHSIG = 1
_SERVE = "from lading.model_packaging.native import original; original.serve()"


class OriginalDied(PackagingError):
    """The process that calls the original of a model ended.

    Remedy: check for a damaged file, too little memory, or a faulty version of the framework.
    """

    def __init__(self, model: str, code: int) -> None:
        super().__init__(
            f"model '{model}': the process that calls its original ended with {code}; check for a "
            "damaged file, too little memory, or a faulty version of the framework"
        )
        self.model, self.code = model, code


class OriginalProcess:
    """The original, as a function of named arrays; its process ends with this object.

    Args:
        spec: the model, from the manifest.
        runtime: what calls it; see `originals.ORIGINALS`.

    Raises:
        ConversionError: the original cannot be opened.
    """

    def __init__(self, spec: ModelSpec, runtime: str) -> None:
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", _SERVE]
        self._model = spec.name
        self._child = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=waiting_quietly())
        weakref.finalize(self, _end, self._child)
        try:
            self._ask((runtime, spec))
        except ValueError as error:
            raise ConversionError(spec.name, f"has an original that fails: {error}") from error

    @property
    def process(self) -> int:
        """The number of its process."""
        return self._child.pid

    def __call__(self, inputs: dict[str, Array]) -> dict[str, Array]:
        """Return the original's answer.

        Raises:
            ValueError: it refuses the request.
            OriginalDied: its process ended.
        """
        found: dict[str, Array] = self._ask(inputs)
        return found

    def _ask(self, message: object) -> Any:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        try:
            pickle.dump(message, self._child.stdin)
            self._child.stdin.flush()
            answer, refusal = pickle.load(self._child.stdout)  # noqa: S301 - from this program
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            raise OriginalDied(self._model, self._child.wait()) from error
        if refusal:
            raise ValueError(refusal)
        return answer


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End the process, and close its pipes."""
    child.kill()
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()
    child.wait()


def serve() -> None:
    """Open the model that standard input names, and answer its requests; runs in the child."""
    _end_with_parent()
    messages, requests = reserve_output(), sys.stdin.buffer
    runtime, spec = pickle.load(requests)  # noqa: S301 - from this very program
    try:
        model = ORIGINALS[runtime](spec)
    except PackagingError as error:
        _send(messages, None, str(error))
        return
    _send(messages, None)
    while True:
        try:
            inputs = pickle.load(requests)  # noqa: S301 - from this very program
        except EOFError:
            return
        try:
            answer = model(inputs)
        except ValueError as error:
            _send(messages, None, str(error) or type(error).__name__)
        else:
            _send(messages, answer)


def _end_with_parent() -> None:
    """Let Linux end this process with its parent, also while a model computes without end.

    A parent that is killed, because packaging took too long, ends nothing by itself. On macOS this
    process ends when it next waits for a request.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


def _send(messages: BinaryIO, answer: object, refusal: str = "") -> None:
    pickle.dump((answer, refusal), messages)
    messages.flush()
