"""Golden requests: a few inputs with the answers that the published model must repeat.

golden.json: {"tolerance": {"relative": r, "absolute": a},
              "requests": [{"inputs": [tensor…], "outputs": [tensor…]}…]}
where a tensor is {"name", "datatype", "shape", "data"}, data flat in row-major order; NaN is null,
and bytes that are not text are {"b64": ...}.
"""

import json
import math
from base64 import b64encode
from collections.abc import Iterable, Mapping
from itertools import chain, islice
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array, datatype_of, from_json, reshape
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.check.probes import Request
from lading.model_packaging.check.samples import Samples
from lading.model_packaging.documents import canonical

MAX_BYTES = 256 << 10
TOLERANCE: Mapping[str, float] = {"relative": 1e-3, "absolute": 1e-4}
QUANTIZED_TOLERANCE: Mapping[str, float] = {"relative": 2e-2, "absolute": 2e-2}
"""Another processor may round an activation to the next of 256 steps."""

_SINGLES = 6
_BATCH = 4
_MARGIN = 1 << 10


def golden_requests(
    samples: Samples,
    model: Model,
    more: Iterable[Request] = (),
    *,
    quantized: bool,
    first: Iterable[Request] = (),
) -> tuple[bytes, int]:
    """Return golden.json and its number of requests.

    They are `first`, single rows, one small batch, and `more`.

    Requests with infinities are omitted, and so are those beyond 256 KB: a model of large inputs
    may have no golden requests.
    """
    entries: list[dict[str, Any]] = []
    size = _MARGIN
    for request in chain(first, _chosen(samples), more):
        answer = model(request)
        if _infinite(request) or _infinite(answer):
            continue
        entry = {"inputs": _tensors(request), "outputs": _tensors(answer)}
        size += len(canonical(entry))
        if size > MAX_BYTES:
            break
        entries.append(entry)
    tolerance = QUANTIZED_TOLERANCE if quantized else TOLERANCE
    document = {"tolerance": dict(tolerance), "requests": entries}
    return canonical(document) + b"\n", len(entries)


def first_request(content: bytes) -> Request | None:
    """Return the first request of a golden.json; None when it has none."""
    requests = json.loads(content)["requests"]
    if not requests:
        return None
    return {
        each["name"]: reshape(
            from_json(_data(each), each["name"], each["datatype"]), each["shape"], each["name"]
        )
        for each in requests[0]["inputs"]
    }


def _chosen(samples: Samples) -> Iterable[Request]:
    return chain(islice(samples.requests(1), _SINGLES), islice(samples.requests(_BATCH), 1))


def _data(tensor: Mapping[str, Any]) -> list[Any]:
    """Return the values of a tensor, in which null is NaN."""
    return [math.nan if value is None else value for value in tensor["data"]]


def _infinite(arrays: Mapping[str, Array]) -> bool:
    return any(np.isinf(array).any() for array in arrays.values() if array.dtype.kind == "f")


def _tensors(arrays: Mapping[str, Array]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "datatype": datatype_of(array),
            "shape": list(array.shape),
            "data": [_value(item) for item in array.ravel().tolist()],
        }
        for name, array in arrays.items()
    ]


def _value(item: Any) -> Any:
    if isinstance(item, bytes):
        return _text(item)
    return None if isinstance(item, float) and math.isnan(item) else item


def _text(item: bytes) -> str | dict[str, str]:
    try:
        return item.decode()
    except UnicodeDecodeError:
        return {"b64": b64encode(item).decode()}
