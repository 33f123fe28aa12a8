"""TFLite files: a signature, as TensorFlow Lite's interpreter answers it.

A file without signatures gets the one that TensorFlow Serving gives it: `serving_default`, whose
inputs and outputs have the names of its tensors.
"""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from lading.functions.inference.artifact.specification import SERVING_DEFAULT
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.converters.tensorflow.export import OPSET
from lading.model_packaging.converters.tensorflow.operators import handlers
from lading.model_packaging.converters.tensorflow.signature import Answer, SavedSignature, distinct
from lading.model_packaging.errors import ManifestError, SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.signatures import choose

_MARK, _MARKED = b"TFL3", slice(4, 8)
_READ_LITE = "import sys, tensorflow; tensorflow.lite.Interpreter(sys.argv[1]).allocate_tensors()"
"""A program that reads a file; it ends with a signal if the file crashes TensorFlow Lite."""


def is_lite(spec: ModelSpec) -> bool:
    """Return whether the source is a TFLite file, by its suffix or by its content."""
    with spec.source.open("rb") as stream:
        content = stream.read(_MARKED.stop)
    return spec.source.suffix.lower() == ".tflite" or content[_MARKED] == _MARK


def interpreter_of(spec: ModelSpec) -> Any:
    """Return TensorFlow Lite's interpreter of the file.

    TensorFlow Lite reads beyond the end of a truncated file, which may end the process: Python code
    and another process read the file first.

    Raises:
        SourceUnreadable: that process died.
    """
    import tensorflow as tf
    from tensorflow.lite.tools import flatbuffer_utils

    flatbuffer_utils.read_model(str(spec.source))
    command = [sys.executable, "-c", _READ_LITE, str(spec.source)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode < 0:
        reason = "is damaged or of another kind than its suffix: it crashes TensorFlow Lite"
        raise SourceUnreadable(spec.name, spec.source, reason)
    return tf.lite.Interpreter(str(spec.source))


def signature_of(spec: ModelSpec, interpreter: Any) -> tuple[str, SavedSignature, list[list[str]]]:
    """Return the name of the chosen signature, the signature, and the names of its tensors.

    Raises:
        ManifestError: the manifest names several, or an unknown one.
    """
    if not interpreter.get_signature_list() and not spec.signatures:
        input_details = {each["name"]: each for each in interpreter.get_input_details()}
        output_details = {each["name"]: each for each in interpreter.get_output_details()}
        name, answer = SERVING_DEFAULT, _by_tensors(interpreter, input_details, output_details)
    else:
        name, *more = choose(spec, interpreter.get_signature_list())
        if more and spec.signatures:
            reason = "names several; a TFLite file has one, package its SavedModel for several"
            raise ManifestError(spec.place("signature"), reason)
        runner = interpreter.get_signature_runner(name)
        input_details, output_details = runner.get_input_details(), runner.get_output_details()
        answer = _by_runner(runner, output_details)
    inputs = {key: _spec(each) for key, each in input_details.items()}
    tensors = [[each["name"] for each in side.values()] for side in (input_details, output_details)]
    return name, SavedSignature(inputs, distinct(output_details, inputs), answer), tensors


def _spec(details: Mapping[str, Any]) -> Any:
    import tensorflow as tf

    sizes = [None if size < 0 else int(size) for size in details["shape_signature"]]
    return tf.TensorSpec(sizes, details["dtype"])


def _by_runner(runner: Any, output_details: Mapping[str, Any]) -> Answer:
    def answer(rows: Mapping[str, Array]) -> list[Array]:
        answers = runner(**rows)
        return [answers[key] for key in output_details]

    return answer


def _by_tensors(
    interpreter: Any, input_details: Mapping[str, Any], output_details: Mapping[str, Any]
) -> Answer:
    def answer(rows: Mapping[str, Array]) -> list[Array]:
        for name, details in input_details.items():
            interpreter.resize_tensor_input(details["index"], rows[name].shape, strict=True)
        interpreter.allocate_tensors()
        for name, details in input_details.items():
            interpreter.set_tensor(details["index"], rows[name])
        interpreter.invoke()
        return [interpreter.get_tensor(details["index"]) for details in output_details.values()]

    return answer


def to_onnx(spec: ModelSpec, tensors: list[list[str]]) -> Any:
    """Return the ONNX model between these tensors, by tf2onnx."""
    import tf2onnx

    with tempfile.TemporaryDirectory() as folder:
        model, _ = tf2onnx.convert.from_tflite(
            str(spec.source),
            input_names=tensors[0],
            output_names=tensors[1],
            opset=OPSET,
            custom_op_handlers=handlers({}),
            output_path=f"{folder}/model.onnx",
        )
    return model
