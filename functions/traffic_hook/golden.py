"""Golden requests, and the comparison of answers with the golden ones.

They are sent in the plain dialect: it supports every datatype and names the version that answered.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lading.functions.contract.invocation import answer_body

_OK = 200
_LONGEST_QUOTE = 300


class GoldenError(Exception):
    """A file of golden requests is invalid."""


@dataclass(frozen=True, slots=True)
class Golden:
    """The requests of a golden.json, each with `inputs` and `outputs`, and the tolerance."""

    requests: Sequence[Mapping[str, Any]]
    relative: float
    absolute: float

    @classmethod
    def from_json(cls, content: bytes) -> "Golden":
        """Read a golden.json.

        Raises:
            GoldenError: it is not a golden.json.
        """
        try:
            document = json.loads(content)
            tolerance = document["tolerance"]
            requests = [
                {side: by_name(request[side]) for side in ("inputs", "outputs")}
                for request in document["requests"]
            ]
            return cls(requests, float(tolerance["relative"]), float(tolerance["absolute"]))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise GoldenError(f"the golden requests cannot be read: {error!r}") from error


NOTHING = Golden((), 0, 0)
"""For a model without golden requests, which must only be ready."""


def by_name(tensors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return tensors with flat `data`, as in golden.json, as nested lists by name."""
    return {tensor["name"]: _nested(tensor["data"], tensor["shape"]) for tensor in tensors}


def _nested(data: Sequence[Any], shape: Sequence[int]) -> Any:
    """Return flat data as nested lists of a shape."""
    if not shape:
        return data[0]
    count, *rest = shape
    if not rest:
        return list(data)
    size = len(data) // count if count else 0
    return [_nested(data[at * size : (at + 1) * size], rest) for at in range(count)]


def wrong_status(answer: Mapping[str, Any]) -> str | None:
    """Return status and body of an answer that is no success, or None."""
    if answer.get("statusCode") == _OK:
        return None
    quoted = answer_body(answer)[:_LONGEST_QUOTE].decode(errors="replace")
    return f"status {answer.get('statusCode')}: {quoted}"


def differences(
    golden: Golden, request: Mapping[str, Any], version: int, answer: Mapping[str, Any]
) -> Iterator[str]:
    """Yield how an answer differs from the golden answer of `request` by `version`."""
    if refused := wrong_status(answer):
        yield refused
        return
    try:
        document = json.loads(answer_body(answer))
        outputs, answered = dict(document["outputs"]), document["version"]
    except (ValueError, KeyError, TypeError) as error:
        yield f"the answer is not in the plain dialect: {error!r}"
        return
    if str(answered) != str(version):
        yield f"version {answered} answered, not {version}"
    if set(outputs) != set(request["outputs"]):
        yield f"outputs {sorted(outputs)}, expected {sorted(request['outputs'])}"
        return
    for name, expected in request["outputs"].items():
        if found := _difference(golden, expected, outputs[name], f"output '{name}'"):
            yield found


def _difference(golden: Golden, expected: Any, found: Any, at: str) -> str | None:
    """Return the first difference between two values, or None."""
    if isinstance(expected, list):
        if not isinstance(found, list) or len(found) != len(expected):
            return f"{at} must have length {len(expected)}"
        pairs = enumerate(zip(expected, found, strict=True))
        found_at = (
            _difference(golden, want, have, f"{at}[{index}]") for index, (want, have) in pairs
        )
        return next(filter(None, found_at), None)
    if _equal(golden, expected, found):
        return None
    tolerance = f"{golden.relative:g} of it + {golden.absolute:g}"
    return f"{at} is {found!r}, expected {expected!r} (tolerance {tolerance})"


def _equal(golden: Golden, expected: Any, found: Any) -> bool:
    if type(expected) is not float:
        return type(expected) is type(found) and bool(expected == found)
    if type(found) not in {int, float} or not math.isfinite(found):
        return False
    return bool(abs(found - expected) <= golden.absolute + golden.relative * abs(expected))
