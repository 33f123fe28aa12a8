"""Golden requests: a few inputs with the answers that the published model must give again.

golden.json: {"tolerance": {"relative": r, "absolute": a},
              "requests": [{"inputs": [tensor…], "outputs": [tensor…]}…]}
where a tensor is {"name", "datatype", "shape", "data"}, data flat in row-major order; bytes that
are no text are {"b64": ...}.
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from itertools import chain, islice
from typing import Any

import numpy as np

from functions.inference.tensors import Array, datatype_of, from_json, reshape
from model_packaging.conversion import Model
from model_packaging.documents import canonical
from model_packaging.samples import Request, Samples

MAX_BYTES = 256 << 10
TOLERANCE: Mapping[str, float] = {"relative": 1e-3, "absolute": 1e-4}
QUANTIZED_TOLERANCE: Mapping[str, float] = {"relative": 2e-2, "absolute": 2e-2}
"""Another processor may round an activation to the neighbouring one of 256 steps."""

_SINGLES = 6
_BATCH = 4
_MARGIN = 1 << 10


def golden_requests(samples: Samples, model: Model, *, quantized: bool) -> tuple[bytes, int]:
    """Content of golden.json and its number of requests: single rows and one small batch.

    What would take the file over 256 KB, or has an answer that is NaN or infinite, is left out;
    a model of large inputs may end up with no requests.
    """
    entries: list[dict[str, Any]] = []
    size = _MARGIN
    for request in _chosen(samples):
        answer = model(request)
        if not _finite(request) or not _finite(answer):
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
    """The first request of a golden.json; None when it has none."""
    requests = json.loads(content)["requests"]
    if not requests:
        return None
    return {
        each["name"]: reshape(
            from_json(each["data"], each["name"], each["datatype"]), each["shape"], each["name"]
        )
        for each in requests[0]["inputs"]
    }


def _chosen(samples: Samples) -> Iterable[Request]:
    return chain(
        islice(samples.requests(1), _SINGLES),
        islice(samples.requests(_BATCH), 1),
    )


def _finite(arrays: Mapping[str, Array]) -> bool:
    return all(np.isfinite(array).all() for array in arrays.values() if array.dtype.kind == "f")


def _tensors(arrays: Mapping[str, Array]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "datatype": datatype_of(array),
            "shape": list(array.shape),
            "data": [
                _text(item) if isinstance(item, bytes) else item for item in array.ravel().tolist()
            ],
        }
        for name, array in arrays.items()
    ]


def _text(item: bytes) -> str | dict[str, str]:
    try:
        return item.decode()
    except UnicodeDecodeError:
        return {"b64": b64encode(item).decode()}
