"""The tensors that a PyTorch model returns, by name; this module does not import torch."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

_ALONE: Final = "output"


def named_tensors(answer: Any) -> dict[str, Any]:
    """Return every tensor of an answer, in the order in which torch flattens it.

    Names are the keys of dicts, the fields of named tuples, else `output` or `output_0`,
    `output_1`...; nested ones are joined: `output_1_0`. What is None is left out.
    """
    found: dict[str, Any] = {}
    for name, value in _tensors(answer):
        found[f"{name}_{len(found)}" if name in found else name] = value
    return found


def _tensors(answer: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if answer is None:
        return
    if isinstance(answer, Mapping):
        parts = [(str(key), value) for key, value in answer.items()]
    elif hasattr(answer, "_fields"):
        parts = list(zip(answer._fields, answer, strict=True))
    elif isinstance(answer, list | tuple):
        start = "" if name else f"{_ALONE}_"
        parts = [(f"{start}{index}", value) for index, value in enumerate(answer)]
    else:
        yield name or _ALONE, answer
        return
    for part, value in parts:
        yield from _tensors(value, f"{name}_{part}" if name else part)
