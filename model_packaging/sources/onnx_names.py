"""Names for the inputs and outputs of an ONNX file: its own, or those of the manifest."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lading.functions.inference.tensors.conversion import DTYPES
from lading.model_packaging.errors import ManifestError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import InputShape

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto


def input_names(spec: ModelSpec, model: "ModelProto") -> list[str]:
    """Return the names of the graph's inputs, and write the manifest's shapes into the graph.

    The manifest's `inputs` are in the file's order, or have the file's names in any order.

    Raises:
        ManifestError: their number, datatypes or shapes differ from the file's.
    """
    values = list(model.graph.input)
    given = [value.name for value in values]
    if not spec.inputs:
        return given
    names = _matched(spec, "inputs", given, list(spec.inputs))
    for value, name in zip(values, names, strict=True):
        _narrow(spec, name, value, spec.inputs[name])
    return names


def output_names(spec: ModelSpec, model: "ModelProto") -> list[str]:
    """Return the names of the graph's outputs.

    Raises:
        ManifestError: the manifest's `outputs` differ in number from the file's, or are mixed up.
    """
    given = [value.name for value in model.graph.output]
    if not spec.outputs:
        return given
    return _matched(spec, "outputs", given, list(spec.outputs))


def _matched(spec: ModelSpec, key: str, given: list[str], wanted: list[str]) -> list[str]:
    """Return the manifest's names in the file's order."""
    if len(given) != len(wanted):
        reason = f"names {_listed(wanted)}; {spec.source.name} has {_listed(given)}, in this order"
        raise ManifestError(spec.place(key), reason)
    if sorted(given) == sorted(wanted):
        return given
    for old, new in zip(given, wanted, strict=True):
        if new != old and new in given:
            reason = (
                f"gives the file's '{old}' the name of another of its {key}, '{new}'; "
                f"list them in the order of {spec.source.name}: {_listed(given)}"
            )
            raise ManifestError(spec.place(key), reason)
    return wanted


def _narrow(spec: ModelSpec, name: str, value: "ValueInfoProto", wanted: InputShape) -> None:
    """Write the manifest's shape of an input into the graph's free axes."""
    from onnx import helper

    tensor = value.type.tensor_type
    dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type) if tensor.elem_type else None
    if dtype != DTYPES[wanted.datatype]:
        raise _misfit(spec, name, f"datatype {dtype}, the manifest states {wanted.datatype}")
    dims = list(tensor.shape.dim)
    if tensor.HasField("shape") and len(dims) != len(wanted.shape):
        raise _misfit(spec, name, f"{len(dims)} axes, the manifest states {list(wanted.shape)}")
    if not tensor.HasField("shape"):
        dims = [tensor.shape.dim.add() for _ in wanted.shape]
        tensor.shape.SetInParent()
    for axis, (dim, size) in enumerate(zip(dims, wanted.shape, strict=True)):
        if dim.HasField("dim_value") and dim.dim_value != size:
            has = f"size {dim.dim_value} along axis {axis}, the manifest states {size}"
            raise _misfit(spec, name, has)
        _set(dim, size)


def _set(dim: Any, size: int | str) -> None:
    if isinstance(size, str):
        dim.dim_param = size
    else:
        dim.dim_value = size


def _misfit(spec: ModelSpec, name: str, has: str) -> ManifestError:
    return ManifestError(
        spec.place("inputs"), f"does not fit {spec.source.name}: '{name}' has {has}"
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "none"
