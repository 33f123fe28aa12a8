"""Time networks before and after structured pruning, side by side.

`python -m benchmarks.pruned`; needs PyTorch, which makes the networks. Their weights are random:
what is measured is time and size, not accuracy.
"""

import io
import statistics
import warnings
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np
import onnx

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.pruning.structured import prune_neurons
from lading.model_packaging.quantization.graphs import prepare

SPARSITIES = (0.25, 0.5, 0.75)
ROUNDS = 201


def networks() -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Return a dense and a convolutional network, with the shape of one row."""
    from torch import nn

    dense = nn.Sequential(
        *(nn.Linear(256, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU()),
        *(nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 10)),
    )
    widths = (3, 64, 128, 256)
    blocks = [
        layer
        for before, after in pairwise(widths)
        for layer in (
            nn.Conv2d(before, after, 3, padding=1),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
    ]
    head = (nn.Flatten(), nn.Linear(256 * 16, 256), nn.ReLU(), nn.Linear(256, 10))
    return {
        "dense, 256-1024-1024-1024-10": (dense, (256,)),
        "convolutional, 64-128-256 channels, 32x32": (nn.Sequential(*blocks, *head), (3, 32, 32)),
    }


def exported(module: Any, shape: tuple[int, ...]) -> bytes:
    """Return the network as ONNX."""
    import torch

    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            (torch.randn(1, *shape),),
            content,
            dynamo=False,
            input_names=["x"],
            output_names=["y"],
            dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}},
        )
    return content.getvalue()


def pruned(content: bytes, sparsity: float) -> bytes:
    """Return the network without the given share of its neurons, those of the smallest norm."""
    model = prepare(content)
    prune_neurons(model, sparsity, ())
    smaller: bytes = model.SerializeToString()
    return smaller


def times(forms: dict[float, bytes], row: Array) -> dict[float, float]:
    """Return the median seconds of one row, measured in turns, with one thread each."""
    sessions = {sparsity: OnnxSession(content, 1) for sparsity, content in forms.items()}
    taken: dict[float, list[float]] = {sparsity: [] for sparsity in forms}
    for _ in range(ROUNDS):
        for sparsity, session in sessions.items():
            begin = perf_counter()
            session.run({"x": row})
            taken[sparsity].append(perf_counter() - begin)
    return {sparsity: statistics.median(each) for sparsity, each in taken.items()}


def main() -> None:
    """Print a line for each network and sparsity."""
    print(
        "| network | removed | weights | size | one row | of the whole |\n|---|---|---|---|---|---|"
    )
    for name, (module, shape) in networks().items():
        whole = exported(module, shape)
        forms = {0.0: whole, **{each: pruned(whole, each) for each in SPARSITIES}}
        row = np.random.default_rng(0).standard_normal((1, *shape)).astype(np.float32)
        for sparsity, median in (found := times(forms, row)).items():
            content = forms[sparsity]
            figures = (
                f"{sparsity:.0%}",
                f"{_weights(content) / 1e6:.2f} M",
                f"{len(content) / len(whole):.2f}x",
                f"{median * 1e3:.3f} ms",
                f"{median / found[0.0]:.2f}x",
            )
            print(f"| {name} | {' | '.join(figures)} |", flush=True)


def _weights(content: bytes) -> int:
    weights = onnx.load_model_from_string(content).graph.initializer
    return sum(int(np.prod(each.dims)) for each in weights)


if __name__ == "__main__":
    main()
