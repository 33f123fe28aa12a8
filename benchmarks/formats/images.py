"""Images: a Hugging Face classifier, and a PyTorch network with the manifest's `image`."""

from benchmarks.formats.entry import Entry, example

_NEEDS = ("torch", "onnxscript", "transformers", "PIL")
_TEST = "tests/examples/digits_images/test_train.py"

ENTRIES = (
    Entry(
        "Hugging Face folder, images",
        "ResNet of 2 blocks, digits as PNG",
        example("digits_images", "digits-resnet"),
        _TEST,
        _NEEDS,
    ),
    Entry(
        "PyTorch state dict, images",
        "2 convolutions, digits as PNG",
        example("digits_images", "digits-convolutional"),
        _TEST,
        _NEEDS,
    ),
)
