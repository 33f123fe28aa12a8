"""PyTorch networks before and after recovery: what a script gets, and what it must keep."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.conversion import Converter
from lading.model_packaging.converters.pytorch.checkpoint import read_module
from lading.model_packaging.converters.registry import find_converter
from lading.model_packaging.errors import ManifestError, SourceError
from lading.model_packaging.manifest.models import ModelSpec
from lading.training.errors import TrainingError
from lading.training.recovery.masks import find_masks

WEIGHTS, MASKS = "model.pt", "masks.pt"
"""The files of the channel: the state dict with zeros, and for each pruned parameter a tensor of
its shape that is true where a weight stays."""

_FRAMEWORK = "pytorch"


def converter_of(spec: ModelSpec) -> Converter:
    """Return the converter of a network.

    Raises:
        ManifestError: the source is not a file of PyTorch.
    """
    converter = find_converter(spec.name, spec.source, spec.framework)
    if converter.framework != _FRAMEWORK:
        reason = f"needs a PyTorch network, and {spec.source.name} is of {converter.framework}"
        raise ManifestError(spec.place("prune.recover"), reason)
    return converter


def write_pruned(spec: ModelSpec, folder: Path) -> dict[str, Path]:
    """Write the pruned network and its masks; return the paths by their names.

    Raises:
        PackagingError: the network cannot be read, converted or pruned.
    """
    import torch

    onnx, state = converter_of(spec).convert(spec).onnx, read_module(spec).state_dict()
    found = find_masks(spec, onnx, _arrays(state))
    masks = {name: torch.from_numpy(mask.copy()) for name, mask in found.items()}
    pruned = {
        name: value.masked_fill(~masks[name], 0) if name in masks else value
        for name, value in state.items()
    }
    torch.save(pruned, folder / WEIGHTS)
    torch.save(masks, folder / MASKS)
    return {name: folder / name for name in (WEIGHTS, MASKS)}


def require_kept(spec: ModelSpec, source: Path, given: Mapping[str, Path]) -> None:
    """Require that a script left the same network, with the same zeros.

    Args:
        spec: the model.
        source: the file that the script left.
        given: the files of `write_pruned`.

    Raises:
        TrainingError: it did not.
    """
    import torch

    place, entry = spec.place("prune.recover.entry"), _entry(spec)
    if not source.is_file():
        raise TrainingError(place, f"{entry} left the folder {source.name}; leave one file")
    try:
        left = replace(spec, source=source)
        converter_of(left)
        state = read_module(left).state_dict()
    except (SourceError, ManifestError) as error:
        reason = f"{entry} left a model that is not the pruned network: {error}"
        raise TrainingError(place, reason) from error
    before, masks = (torch.load(given[name], weights_only=True) for name in (WEIGHTS, MASKS))
    _require_structure(spec, before, state)
    for name, mask in masks.items():
        undone = int((state[name][~mask] != 0).sum())
        if undone:
            reason = (
                f"{entry} undid the pruning: {undone:,} of the {int((~mask).sum()):,} zeros of "
                f"'{name}' have values; multiply by {MASKS} after each step"
            )
            raise TrainingError(place, reason)


def _require_structure(
    spec: ModelSpec, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    shapes = [
        {name: list(value.shape) for name, value in state.items()} for state in (before, after)
    ]
    for name in sorted({*before, *after}):
        was, now = (each.get(name) for each in shapes)
        if was != now:
            reason = f"{_entry(spec)} left another network: '{name}' is {now}, and was {was}"
            raise TrainingError(spec.place("prune.recover.entry"), reason)


def _arrays(state: Mapping[str, Any]) -> dict[str, Array]:
    return {
        name: value.detach().cpu().float().numpy()
        for name, value in state.items()
        if hasattr(value, "is_floating_point") and value.is_floating_point()
    }


def _entry(spec: ModelSpec) -> str:
    assert spec.prune is not None
    assert spec.prune.recover is not None
    return spec.prune.recover.entry.name
