"""One processing step: what is done to named arrays before the graph and after it."""

from collections.abc import Sequence
from typing import Protocol

from lading.functions.inference.tensors.conversion import Array


class Step(Protocol):
    """A processing step; one that has no part before or after the graph inherits this one's."""

    extras: tuple[str, ...] = ()
    """Arrays that `before` adds for callers who name them; see `ModelMetadata.extras`."""

    def before(self, arrays: dict[str, Array]) -> dict[str, Array]:
        """Return the arrays for the graph, or for the next step.

        Raises:
            InvalidInput: the caller's arrays are not what the step accepts.
        """
        return arrays

    def after(self, arrays: dict[str, Array]) -> dict[str, Array]:
        """Return the arrays for the caller, or for the next step."""
        return arrays

    def text_of(self, tokens: Sequence[int]) -> str | None:  # noqa: ARG002
        """See `Predictor.text_of`."""
        return None
