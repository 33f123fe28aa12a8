"""The Open Inference Protocol's binary messages as a client of it writes and reads them.

`dialects/open_inference.py` is the other side; the format's words stand in `binary_tensors.py`.
"""

from collections.abc import Mapping, Sequence

from lading.functions.inference.tensors import binary as binary_tensors
from lading.functions.inference.tensors import json_values as json_codec
from lading.functions.inference.tensors.conversion import Array, datatype_of, from_json, reshape

_ALIGNED = 8


def encode(
    inputs: Mapping[str, Array],
    outputs: Sequence[str],
    *,
    binary: bool = True,
    signature: str = "",
) -> tuple[bytes, int]:
    """A request for `outputs`, `binary` or in JSON, and the length of the JSON it begins with.

    The tensors are copied once, into the body. `signature` names the one that shall answer, which
    only this service reads.
    """
    contents = [binary_tensors.encode(array) for array in inputs.values()]
    tensors = [
        {
            "name": name,
            "datatype": datatype_of(array),
            "shape": list(array.shape),
            "parameters": {"binary_data_size": len(content)},
        }
        for (name, array), content in zip(inputs.items(), contents, strict=True)
    ]
    wanted = [{"name": name, "parameters": {"binary_data": binary}} for name in outputs]
    named = {"parameters": {"signature_name": signature}} if signature else {}
    header = json_codec.dumps({**named, "inputs": tensors, "outputs": wanted})
    header += b" " * (-len(header) % _ALIGNED)  # so that tensors need no copy where they arrive
    return b"".join([header, *contents]), len(header)


def decode(body: bytes, header_size: int) -> dict[str, Array]:
    """An answer's tensors by name; no copy of those that lie as the processor wants them.

    Raises:
        InferenceError, LookupError, TypeError, ValueError: it is no answer of such a server.
    """
    document, tail = json_codec.loads(body[:header_size]), memoryview(body)[header_size:]
    arrays, offset = {}, 0
    for tensor in document["outputs"]:
        name, datatype, shape = tensor["name"], tensor["datatype"], tensor["shape"]
        length = tensor.get("parameters", {}).get("binary_data_size")
        if length is None:
            arrays[name] = reshape(from_json(tensor["data"], name, datatype), shape, name)
            continue
        content = binary_tensors.take(tail, offset, length, name)
        arrays[name] = binary_tensors.decode(content, name, datatype, shape)
        offset += length
    return arrays
