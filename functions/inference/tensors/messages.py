"""The Open Inference Protocol's binary messages, as a client writes and reads them.

`dialects/open_inference.py` is the server's side; `binary.py` describes the format.
"""

from collections.abc import Mapping, Sequence

from lading.functions.inference.tensors import binary as binary_tensors
from lading.functions.inference.tensors import json_values as json_codec
from lading.functions.inference.tensors.conversion import Array, datatype_of, from_json, reshape

_ALIGNED = 8


def encode(
    inputs: Mapping[str, Array], outputs: Sequence[str], *, binary: bool = True, signature: str = ""
) -> tuple[bytes, int]:
    """Return a request for `outputs`, `binary` or in JSON, and the length of its leading JSON.

    The tensors are copied once, into the body. `signature` selects a signature; only this service
    reads it.
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
    header += b" " * (
        -len(header) % _ALIGNED
    )  # aligned, so that the receiver need not copy the tensors
    return b"".join([header, *contents]), len(header)


def decode(body: bytes, header_size: int) -> dict[str, Array]:
    """Return an answer's tensors by name; without a copy of those that are aligned.

    Raises:
        InferenceError, LookupError, TypeError, ValueError: it is not such an answer.
    """
    return decode_answer(body, header_size)[0]


def decode_answer(body: bytes, header_size: int) -> tuple[dict[str, Array], str]:
    """Return an answer's tensors by name, and the version of the model that it names.

    Raises:
        InferenceError, LookupError, TypeError, ValueError: it is not such an answer.
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
    return arrays, str(document.get("model_version", ""))
