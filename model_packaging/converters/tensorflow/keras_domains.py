"""Values that a Keras model refuses: a lookup without a place for what it does not know."""

from collections.abc import Iterable, Mapping
from typing import Any

from lading.functions.inference.tensors.domain import EVERY, Domain


def lookup_domains(
    layers: Iterable[Any], inputs: Mapping[str, Any]
) -> tuple[dict[str, Domain], frozenset[str]]:
    """The domain of each input that such a layer reads, and the names of these layers.

    Args:
        layers: of a model.
        inputs: its symbolic inputs, by their names.
    """
    import keras

    lookups = (keras.layers.StringLookup, keras.layers.IntegerLookup)
    domains, names = {}, set()
    for layer in layers:
        if not isinstance(layer, lookups) or layer.num_oov_indices or layer.invert:
            continue
        name = _read_by(layer, inputs)
        if name is not None:
            domains[name] = Domain(values={EVERY: _vocabulary(layer)})
            names.add(layer.name)
    return domains, frozenset(names)


def _read_by(layer: Any, inputs: Mapping[str, Any]) -> str | None:
    """The input that a layer reads; None where it reads another layer's output, or is shared."""
    try:
        given = layer.input
    except (AttributeError, ValueError):
        return None
    return next((name for name, tensor in inputs.items() if tensor is given), None)


def _vocabulary(layer: Any) -> frozenset[Any]:
    known = layer.get_vocabulary(include_special_tokens=False)
    special = [] if layer.mask_token is None else [layer.mask_token]
    return frozenset(
        each.encode() if isinstance(each, str) else int(each) for each in (*known, *special)
    )
