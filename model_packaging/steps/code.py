"""Adds the user's code as a processing step around a converted model."""

from collections.abc import Mapping
from dataclasses import replace

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.processing.processed import make_step
from lading.model_packaging.conversion import Conversion, Processing, around, open_session
from lading.model_packaging.errors import ManifestError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import InputShape


def with_code(spec: ModelSpec, conversion: Conversion) -> Conversion:
    """Return the conversion with the code that the manifest names around it, if there is any.

    Raises:
        ManifestError: the code fails, or defines neither function.
        ConversionError: the model has inputs or outputs that are not tensors.
    """
    code = spec.code
    if code is None:
        return conversion
    files = {code.file.name: code.file.read_bytes()}
    options = {"step": "code", "file": code.file.name}
    try:
        step = make_step(options, files)
    except ValueError as error:
        raise ManifestError(spec.place("code"), str(error)) from error
    inner = conversion.processing or _bare(spec, conversion)
    processing = Processing(
        steps=(options, *inner.steps),
        files={**inner.files, **files},
        inputs=_specs(code.inputs) or inner.inputs,
        outputs=_specs(code.outputs) or inner.outputs,
    )
    # Examples are inputs of the model; callers send other inputs to preprocess.
    examples = None if code.inputs else conversion.examples
    reference = around(step, conversion.reference)
    stepped = replace(conversion, reference=reference, examples=examples, processing=processing)
    return replace(stepped, known={}, probes=(), domains={}) if code.inputs else stepped


def _bare(spec: ModelSpec, conversion: Conversion) -> Processing:
    session = open_session(spec.name, conversion, conversion.onnx)
    return Processing((), {}, session.inputs, session.outputs)


def _specs(shapes: Mapping[str, InputShape]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(
            name, each.datatype, tuple(-1 if isinstance(it, str) else it for it in each.shape)
        )
        for name, each in shapes.items()
    )
