"""From states of tokens to one vector a text, by each mode of sentence-transformers' Pooling."""

from collections.abc import Callable, Sequence
from typing import Any

_LEAST = 1e-9
"""What sums of weights are at least, so that a text without tokens divides by no zero."""


class Pooling:
    """States [texts, tokens, size] and their mask [texts, tokens] to vectors [texts, modes * size].

    Padding stands behind a text's tokens. The vectors of several modes are joined in their order.

    Args:
        modes: names in `MODES`.
        skipped: how many tokens at the start are left out: those of a prompt.
    """

    def __init__(self, modes: Sequence[str], skipped: int) -> None:
        self._modes, self._skipped = [MODES[mode] for mode in modes], skipped

    def __call__(self, states: Any, mask: Any) -> Any:
        """The vectors, as a torch tensor of the states' dtype."""
        import torch

        positions = torch.arange(states.shape[1])
        kept = (mask * (positions >= self._skipped)).to(states.dtype)
        return torch.cat([mode(states, kept, positions) for mode in self._modes], dim=-1)


def _cls(states: Any, mask: Any, positions: Any) -> Any:
    """The first token that is kept."""
    return _at(states, ((states.shape[1] - positions) * mask).argmax(1))


def _last(states: Any, mask: Any, positions: Any) -> Any:
    """The last token that is kept."""
    return _at(states * mask.unsqueeze(-1), ((positions + 1) * mask).argmax(1))


def _at(states: Any, index: Any) -> Any:
    places = index.reshape(-1, 1, 1).expand(-1, 1, states.shape[-1])
    return states.gather(1, places).squeeze(1)


def _max(states: Any, mask: Any, positions: Any) -> Any:  # noqa: ARG001 - as all modes
    return states.masked_fill(mask.unsqueeze(-1) == 0, float("-inf")).amax(1)


def _mean(states: Any, mask: Any, positions: Any) -> Any:  # noqa: ARG001 - as all modes
    return (states * mask.unsqueeze(-1)).sum(1) / _clamped(mask)


def _mean_sqrt(states: Any, mask: Any, positions: Any) -> Any:  # noqa: ARG001 - as all modes
    return (states * mask.unsqueeze(-1)).sum(1) / _clamped(mask) ** 0.5


def _weighted(states: Any, mask: Any, positions: Any) -> Any:
    """The mean of tokens weighted by their place in the text, from 1."""
    weights = mask * (positions + 1)
    return (states * weights.unsqueeze(-1)).sum(1) / _clamped(weights)


def _clamped(weights: Any) -> Any:
    return weights.sum(1, keepdim=True).clamp(min=_LEAST)


MODES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "cls": _cls,
    "max": _max,
    "mean": _mean,
    "mean_sqrt_len_tokens": _mean_sqrt,
    "weightedmean": _weighted,
    "lasttoken": _last,
}


def normalized_mean(states: Any, mask: Any) -> Any:
    """The mean of the states of a text's tokens, of length 1: [texts, size]."""
    import torch

    return torch.nn.functional.normalize(Pooling(("mean",), 0)(states, mask), dim=-1)
