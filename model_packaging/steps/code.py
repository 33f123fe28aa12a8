"""Adds the user's code as a processing step around a converted model."""

from dataclasses import replace

from lading.functions.inference.processing.processed import make_step
from lading.model_packaging.conversion import Conversion, Processing, around, open_session
from lading.model_packaging.errors import ManifestError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import tensors_of


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
        inputs=tensors_of(code.inputs) or inner.inputs,
        outputs=tensors_of(code.outputs) or inner.outputs,
    )
    # Examples are inputs of the model; callers send other inputs to preprocess.
    examples = None if code.inputs else conversion.examples
    reference = around(step, conversion.reference)
    stepped = replace(conversion, reference=reference, examples=examples, processing=processing)
    return replace(stepped, known={}, probes=(), domains={}) if code.inputs else stepped


def _bare(spec: ModelSpec, conversion: Conversion) -> Processing:
    session = open_session(spec.name, conversion, conversion.onnx)
    return Processing((), {}, session.inputs, session.outputs)
