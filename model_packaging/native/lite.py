"""TFLite files that are not converted: LiteRT, their own runtime, computes them."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from lading.functions.inference.artifact.specification import NativeSection, TensorSpec
from lading.functions.inference.native.runtimes import load
from lading.functions.inference.tensors.conversion import datatype_of
from lading.functions.inference.tensors.domain import Domain
from lading.model_packaging.conversion import Conversion, Converter, open_once, tool_versions
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.native.lite_file import open_interpreter, signature_of
from lading.model_packaging.native.original import OriginalProcess

RUNTIME = "litert"
_NUMBERS = "biuf"
"""numpy's kinds of types that an endpoint passes on: truth values, whole numbers and floats."""


def _keep(spec: ModelSpec) -> Conversion:
    """Return a conversion whose model is the file itself.

    LiteRT reads beyond the end of a damaged file: another process opens the file first.

    Raises:
        SourceUnreadable: LiteRT cannot read it.
        OriginalDied: the file ended the process that opened it.
        ConversionError: an input or output holds no numbers.
    """
    from lading.functions.inference.native.litert import details_of

    original = OriginalProcess(spec, RUNTIME)
    interpreter = open_interpreter(spec)
    signature = signature_of(spec, interpreter)
    inputs, outputs = (_specs(spec, side) for side in details_of(interpreter, signature))
    section = NativeSection(
        runtime=RUNTIME,
        file="model.tflite",
        options={"signature": signature},
        inputs=inputs,
        outputs=outputs,
    )
    return Conversion(
        spec.source.read_bytes(),
        original,
        domains={each.name: Domain(empty=False) for each in inputs},
        native=section,
        open=open_once(partial(load, section)),
    )


def _specs(spec: ModelSpec, details: Mapping[str, Mapping[str, Any]]) -> tuple[TensorSpec, ...]:
    return tuple(_tensor(spec, name, each) for name, each in details.items())


def _tensor(spec: ModelSpec, name: str, details: Mapping[str, Any]) -> TensorSpec:
    dtype = np.dtype(details["dtype"])
    if dtype.kind not in _NUMBERS:
        raise ConversionError(spec.name, f"cannot be served: '{name}' is {dtype}, not numbers")
    sizes = details["shape_signature"] if len(details["shape_signature"]) else details["shape"]
    return TensorSpec(name, datatype_of(np.empty(0, dtype)), tuple(map(int, sizes)))


def _tools(spec: ModelSpec) -> dict[str, str]:
    return tool_versions(spec, RUNTIME, "ai-edge-litert")


LITE = Converter(RUNTIME, _keep, _tools, suffixes=(".tflite",), keys=("signatures",))
