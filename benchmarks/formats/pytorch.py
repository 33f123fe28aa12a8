"""PyTorch: one network in its three forms."""

from benchmarks.formats.entry import Entry, example

_TEST = "tests/model_packaging/converters/pytorch/test_converter.py"
_MODEL = "MLP 64-50-10, digits"

ENTRIES = tuple(
    Entry(form, _MODEL, example("digits_pytorch", name), _TEST, ("torch", "onnxscript"))
    for form, name in (
        ("PyTorch state dict, .pt", "digits-pytorch"),
        ("PyTorch program, .pt2", "digits-program"),
        ("TorchScript, .pt", "digits-torchscript"),
    )
)
