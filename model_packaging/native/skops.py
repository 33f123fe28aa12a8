"""Estimators in .skops files that are not converted: scikit-learn itself computes them."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lading.functions.inference.artifact.specification import NativeSection, TensorSpec
from lading.functions.inference.native.runtimes import load
from lading.functions.inference.tensors.conversion import Array, datatype_of
from lading.functions.inference.tensors.domain import Domain
from lading.model_packaging.conversion import Conversion, Converter, open_once, tool_versions
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.estimators.skops_import import import_skops
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.native.original import OriginalProcess

if TYPE_CHECKING:
    from lading.model_packaging.estimators.knowledge import Knowledge
    from lading.model_packaging.native.estimator_file import EstimatorFile

RUNTIME = "skops"


def _keep(spec: ModelSpec) -> Conversion:
    """Return a conversion whose model is the file itself.

    Raises:
        SourceError: the file cannot be read, or has types that the manifest does not trust.
        ConversionError: it has types that an endpoint does not load, or refuses a typical row.
    """
    skops_io = import_skops()  # first: what follows imports skops too
    from lading.functions.inference.native.skops import check_types
    from lading.model_packaging.native.estimator_file import open_file

    file = open_file(spec)
    content = spec.source.read_bytes()
    trusted = sorted(skops_io.get_untrusted_types(data=content))
    try:
        check_types(trusted)
    except ValueError as error:
        raise ConversionError(spec.name, f"cannot be served: {error}") from error
    original = OriginalProcess(spec, RUNTIME)
    inputs, learned, answers = _learned(spec, file, original)
    section = _section(file, trusted, inputs, answers)
    domains = {it.name: learned.domains.get(it.name, Domain()) for it in inputs}
    return Conversion(
        content,
        original,
        known=learned.known,
        probes=learned.probes,
        domains={name: _without_empty(each) for name, each in domains.items()},
        classes=file.fitted.answer.classes,
        native=section,
        open=open_once(partial(load, section)),
    )


def _without_empty(domain: Domain) -> Domain:
    """Return the domain without arrays of no rows, which scikit-learn refuses."""
    return domain._replace(empty=False)


def _learned(
    spec: ModelSpec, file: "EstimatorFile", original: OriginalProcess
) -> tuple[tuple[TensorSpec, ...], "Knowledge", Mapping[str, Array]]:
    """Return the inputs, what is known of them, and the answers to a typical row.

    Floats are FP64, as scikit-learn computes them; some estimators that were fitted in float32
    accept nothing else.
    """
    from lading.model_packaging.estimators.knowledge import learn

    refusal = ValueError()
    for wide in (file.fitted.floats(), frozenset()):
        inputs = file.fitted.inputs.specs(wide)
        learned = learn(inputs, file.notes, original)
        try:
            return inputs, learned, original(learned.row)
        except ValueError as error:
            refusal = error
    reason = f"refuses a typical row: {refusal}; state the datatypes of its columns under inputs:"
    raise ConversionError(spec.name, reason)


def _section(
    file: "EstimatorFile",
    trusted: list[str],
    inputs: tuple[TensorSpec, ...],
    answers: Mapping[str, Array],
) -> NativeSection:
    from lading.model_packaging.native.estimator_file import calls_of

    found = file.fitted.inputs
    options: dict[str, Any] = {
        "trusted": trusted,
        "versions": _tools(file.fitted.spec),
        "calls": calls_of(answers),
        "columns": None if found.texts_alone else [list(each) for each in found.columns],
        "missing": file.missing(),
        "names": list(found.names or ()) if file.fitted.framed else None,
    }
    outputs = tuple(_output(name, array) for name, array in answers.items())
    return NativeSection(RUNTIME, "model.skops", options, inputs, outputs)


def _output(name: str, array: Array) -> TensorSpec:
    return TensorSpec(name, datatype_of(np.asarray(array)), (-1, *array.shape[1:]))


def _tools(spec: ModelSpec) -> dict[str, str]:
    return tool_versions(spec, "sklearn", "scikit-learn", "skops")


SKOPS = Converter("scikit-learn", _keep, _tools, suffixes=(".skops",), keys=("inputs",))
