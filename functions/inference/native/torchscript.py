"""A TorchScript file, run by torch. Only this module of the service imports torch.

TorchScript is a program, which can read and write files (`aten::from_file`, `aten::save`): it runs
only where code of the user's own may run. torch reads the file by an unpickler in C++, which makes
only TorchScript's own types, and runs nothing of Python.

Options:
    answers: the names of the tensors that the module returns, in the order of the outputs; see
        `torch_answers.named_tensors`.
"""

import io
import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch

from lading.functions.inference.artifact.specification import NativeSection, TensorSpec
from lading.functions.inference.models.predictor import Backend, SessionError
from lading.functions.inference.native.torch_answers import named_tensors
from lading.functions.inference.processing.code import run_code
from lading.functions.inference.tensors.conversion import DTYPES, Array

_CAUSE: Final = re.compile(r"^(?:builtins\.)?(\w*(?:Error|Exception)\b.*)", re.MULTILINE)
"""A line that names an error; before it, torch prints the lines of the program."""


def open_model(section: NativeSection, model: bytes, threads: int) -> "TorchScriptModel":
    """Load a module from the content of a file that `torch.jit.save` wrote.

    The number of threads holds for all of torch in this process.

    Raises:
        SessionError: torch cannot load it.
    """
    answers = tuple(map(str, section.options["answers"]))
    torch.set_num_threads(threads)
    try:
        module = run_code(lambda: torch.jit.load(io.BytesIO(model), map_location="cpu").eval())
    except SessionError as error:
        raise _in_a_line(error) from error.__cause__
    return TorchScriptModel(section, module, answers)


class TorchScriptModel(Backend):
    """A loaded module in evaluation mode.

    Args:
        section: its inputs and outputs.
        module: a `torch.jit.ScriptModule`.
        answers: the names of the tensors that it returns.
    """

    def __init__(self, section: NativeSection, module: Any, answers: tuple[str, ...]) -> None:
        self.inputs, self.outputs = section.inputs, section.outputs
        self._module, self._answers = module, answers

    def run(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """See `Backend.run`."""
        # Copies: a program may change its inputs, and torch warns of read-only arrays.
        tensors = [torch.from_numpy(np.array(inputs[spec.name])) for spec in self.inputs]
        try:
            found = named_tensors(run_code(lambda: self._called(tensors)))
        except SessionError as error:
            raise _in_a_line(error) from error.__cause__
        if tuple(found) != self._answers:
            returned, stated = ", ".join(found) or "nothing", ", ".join(self._answers)
            raise _wrong(f"it returns {returned} for these inputs, and its artifact has {stated}")
        named = zip(self.outputs, found.values(), strict=True)
        arrays = {spec.name: _checked(spec, value) for spec, value in named}
        return {name: arrays[name] for name in outputs or arrays}

    def _called(self, tensors: list[Any]) -> Any:
        with torch.inference_mode():
            return self._module(*tensors)


def _checked(spec: TensorSpec, value: Any) -> Array:
    """Return a tensor as an array of the stated datatype and number of axes.

    Raises:
        SessionError: it is another one, which some branch of the program returns.
    """
    if not isinstance(value, torch.Tensor):
        raise _wrong(f"output '{spec.name}' must be a tensor, got {type(value).__name__}")
    try:
        array: Array = value.detach().resolve_conj().resolve_neg().numpy()
    except (TypeError, RuntimeError) as error:  # sparse, quantized and similar tensors
        raise _wrong(f"output '{spec.name}' fits no array: {error}") from error
    if array.dtype != DTYPES[spec.datatype] or array.ndim != len(spec.shape):
        stated = f"must be {spec.datatype} with {len(spec.shape)} axes"
        raise _wrong(f"output '{spec.name}' {stated}, got {array.dtype} of {list(array.shape)}")
    return array


def _wrong(reason: str) -> SessionError:
    return SessionError(ValueError(reason))


def _in_a_line(error: SessionError) -> SessionError:
    """Return the error without the lines of the program that torch prints."""
    found = _CAUSE.findall(str(error.__cause__))
    return SessionError(RuntimeError(found[-1])) if found else error
