"""From states of tokens to a vector for each text, by the modes of sentence-transformers."""

from collections.abc import Callable, Sequence
from typing import Any

_LEAST = 1e-9
"""The least sum of weights, so that a text without tokens does not cause division by zero."""


class Pooling:
    """From states [texts, tokens, size] and their mask [texts, tokens] to [texts, modes * size].

    Padding follows a text's tokens. The vectors of several modes are concatenated in order.

    Args:
        modes: names in `MODES`.
        skipped: the number of tokens at the start that are skipped: those of a prompt.
    """

    def __init__(self, modes: Sequence[str], skipped: int) -> None:
        self._modes, self._skipped = [MODES[mode] for mode in modes], skipped

    def __call__(self, states: Any, mask: Any) -> Any:
        """Return the vectors, as a torch tensor of the states' dtype."""
        import torch

        positions = torch.arange(states.shape[1])
        kept = (mask * (positions >= self._skipped)).to(states.dtype)
        return torch.cat([mode(states, kept, positions) for mode in self._modes], dim=-1)


def _cls(states: Any, mask: Any, positions: Any) -> Any:
    """Return the state of the first token that is kept."""
    return _at(states, ((states.shape[1] - positions) * mask).argmax(1))


def _last(states: Any, mask: Any, positions: Any) -> Any:
    """Return the state of the last token that is kept."""
    return _at(states * mask.unsqueeze(-1), ((positions + 1) * mask).argmax(1))


def _at(states: Any, index: Any) -> Any:
    places = index.reshape(-1, 1, 1).expand(-1, 1, states.shape[-1])
    return states.gather(1, places).squeeze(1)


def _max(states: Any, mask: Any, positions: Any) -> Any:  # noqa: ARG001 - all modes have it
    return states.masked_fill(mask.unsqueeze(-1) == 0, float("-inf")).amax(1)


def _mean(states: Any, mask: Any, positions: Any) -> Any:  # noqa: ARG001 - all modes have it
    return (states * mask.unsqueeze(-1)).sum(1) / _clamped(mask)


def _mean_sqrt(states: Any, mask: Any, positions: Any) -> Any:  # noqa: ARG001 - all modes have it
    return (states * mask.unsqueeze(-1)).sum(1) / _clamped(mask) ** 0.5


def _weighted(states: Any, mask: Any, positions: Any) -> Any:
    """Return the mean of tokens weighted by their place in the text, from 1."""
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
    """Return the mean of the states of a text's tokens, scaled to length 1: [texts, size]."""
    import torch

    return torch.nn.functional.normalize(Pooling(("mean",), 0)(states, mask), dim=-1)
