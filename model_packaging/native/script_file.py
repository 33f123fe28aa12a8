"""Reads a TorchScript file by torch, as its documentation says."""

import zipfile
from functools import cache
from typing import Any

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.check.example_inputs import example_inputs
from lading.model_packaging.converters.framework_errors import reading
from lading.model_packaging.converters.pytorch.checkpoint import DAMAGED
from lading.model_packaging.converters.pytorch.reference import TorchReference
from lading.model_packaging.errors import SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec

_ONLY_SCRIPT = "constants.pkl"
"""The name of a member that only TorchScript has."""


def open_module(spec: ModelSpec) -> Any:
    """Return the file's module, in evaluation mode.

    Raises:
        SourceUnreadable: torch cannot read it, or it is not TorchScript.
    """
    import torch

    with reading(spec, DAMAGED):
        with zipfile.ZipFile(spec.source) as archive:
            names = {name.rpartition("/")[2] for name in archive.namelist()}
        if _ONLY_SCRIPT not in names:
            reason = "is not TorchScript; save it by torch.jit.save(torch.jit.script(model), path)"
            raise SourceUnreadable(spec.name, spec.source, reason)
        return torch.jit.load(spec.source, map_location="cpu").eval()


def open_original(spec: ModelSpec) -> Model:
    """Return the module as torch answers it, on one thread.

    Raises:
        PackagingError: it cannot be opened.
    """
    import torch

    torch.set_num_threads(1)
    module = open_module(spec)

    @cache
    def reference() -> TorchReference:
        return TorchReference(spec, module, example_inputs(spec).arrays)

    def call(inputs: dict[str, Array]) -> dict[str, Array]:
        return reference()(inputs)

    return call
