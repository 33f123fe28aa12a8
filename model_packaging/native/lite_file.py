"""Reads a TFLite file by LiteRT, as its documentation says."""

from typing import Any

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.converters.framework_errors import reading, refusing
from lading.model_packaging.errors import ManifestError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.signatures import choose


def open_interpreter(spec: ModelSpec) -> Any:
    """Return LiteRT's interpreter of the file.

    Raises:
        SourceUnreadable: LiteRT cannot read it. A damaged file may also end the process.
    """
    from ai_edge_litert.interpreter import Interpreter

    with reading(spec, "cannot be read by LiteRT"):
        interpreter = Interpreter(str(spec.source), num_threads=1)
        interpreter.allocate_tensors()
    return interpreter


def signature_of(spec: ModelSpec, interpreter: Any) -> str:
    """Return the signature that answers; empty if the file has none.

    Raises:
        ManifestError: the manifest names several, or an unknown one.
    """
    known = interpreter.get_signature_list()
    if not known and not spec.signatures:
        return ""
    name, *more = choose(spec, known)
    if more and spec.signatures:
        reason = "names several; a TFLite file that is not converted has one"
        raise ManifestError(spec.place("signature"), reason)
    return name


def open_original(spec: ModelSpec) -> Model:
    """Return the file as LiteRT answers it.

    Raises:
        PackagingError: it cannot be opened.
    """
    from lading.functions.inference.native.litert import calling

    interpreter = open_interpreter(spec)
    call = calling(interpreter, signature_of(spec, interpreter))

    def answer(inputs: dict[str, Array]) -> dict[str, Array]:
        return dict(call(inputs))

    return refusing(answer)
