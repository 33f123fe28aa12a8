"""Writes a module as an exported program, the file that says most of its inputs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array

_LEAST_ROWS = 2
"""torch.export takes an axis of one row for a fixed one."""


def save_program(module: Any, examples: Sequence[Array], path: Path) -> None:
    """Export a module with any number of rows, as `torch.export.save` writes it.

    Args:
        module: a torch.nn.Module; it is exported in evaluation mode, and its mode is restored.
        examples: example rows for each argument of `forward`, in order.
        path: a .pt2 file.
    """
    import torch

    rows = [
        np.repeat(each, _LEAST_ROWS, axis=0)[: max(len(each), _LEAST_ROWS)] for each in examples
    ]
    batch = torch.export.Dim("batch")
    training = module.training
    module.eval()
    try:
        program = torch.export.export(
            module, tuple(map(torch.from_numpy, rows)), dynamic_shapes=[{0: batch}] * len(rows)
        )
    finally:
        module.train(training)
    torch.export.save(program, path)
