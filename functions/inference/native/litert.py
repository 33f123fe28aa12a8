"""A TFLite file, run by LiteRT, its own runtime. Only this module of the service imports it.

Options:
    signature: the signature of the file that answers; empty: it has none, and inputs and outputs
        have the names of its tensors.
"""

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any

from ai_edge_litert.interpreter import Interpreter

from lading.functions.inference.artifact.specification import NativeSection
from lading.functions.inference.models.predictor import Backend, SessionError
from lading.functions.inference.tensors.conversion import Array

_FAILURES = (RuntimeError, ValueError, TypeError)

Call = Callable[[dict[str, Array]], Mapping[str, Array]]


def open_model(section: NativeSection, model: bytes, threads: int) -> "LiteModel":
    """Load a model from the content of a .tflite file.

    Raises:
        SessionError: LiteRT cannot load it.
    """
    try:
        interpreter = Interpreter(model_content=model, num_threads=threads)
        return LiteModel(section, calling(interpreter, str(section.options["signature"])))
    except _FAILURES as error:
        raise SessionError(error) from error


class LiteModel(Backend):
    """A loaded TFLite file. One interpreter answers one request at a time.

    Args:
        section: its options, inputs and outputs.
        call: calls its interpreter.
    """

    def __init__(self, section: NativeSection, call: Call) -> None:
        self.inputs, self.outputs = section.inputs, section.outputs
        self._call, self._turn = call, Lock()

    def run(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """See `Backend.run`."""
        try:
            with self._turn:
                found = self._call(inputs)
        except _FAILURES as error:
            raise SessionError(error) from error
        names = outputs or [spec.name for spec in self.outputs]
        return {name: found[name] for name in names}


def calling(interpreter: Any, signature: str) -> Call:
    """Return what calls an interpreter with named arrays, by a signature or by its tensors."""
    if not signature:
        return _by_tensors(interpreter)
    runner = interpreter.get_signature_runner(signature)
    return lambda inputs: dict(runner(**inputs))


def details_of(
    interpreter: Any, signature: str
) -> tuple[Mapping[str, Mapping[str, Any]], Mapping[str, Mapping[str, Any]]]:
    """Return what LiteRT says of each input and output, by name."""
    if signature:
        runner = interpreter.get_signature_runner(signature)
        return runner.get_input_details(), runner.get_output_details()
    sides = interpreter.get_input_details(), interpreter.get_output_details()
    inputs, outputs = ({each["name"]: each for each in side} for side in sides)
    return inputs, outputs


def _by_tensors(interpreter: Any) -> Call:
    inputs, outputs = details_of(interpreter, "")

    def call(arrays: dict[str, Array]) -> dict[str, Array]:
        for name, each in inputs.items():
            interpreter.resize_tensor_input(each["index"], arrays[name].shape, strict=True)
        interpreter.allocate_tensors()
        for name, each in inputs.items():
            interpreter.set_tensor(each["index"], arrays[name])
        interpreter.invoke()
        return {name: interpreter.get_tensor(each["index"]) for name, each in outputs.items()}

    return call
