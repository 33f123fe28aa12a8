"""TensorFlow: one Keras network in its four forms."""

from benchmarks.formats.entry import Entry, example

_TEST = "tests/model_packaging/converters/tensorflow/test_converter.py"
_MODEL = "MLP 64-64-64-10, digits"

ENTRIES = tuple(
    Entry(form, _MODEL, example("digits_keras", name), _TEST, ("tensorflow", "tf2onnx"))
    for form, name in (
        ("Keras, .keras", "digits-keras"),
        ("Keras, .h5", "digits-h5"),
        ("TensorFlow SavedModel", "digits-savedmodel"),
        ("TensorFlow Lite, .tflite", "digits-tflite"),
    )
)
