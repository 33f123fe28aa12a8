"""Weights of PyTorch files, and the user's module that they belong to.

A file is read without running code that it brings along, unless the manifest trusts it. Objects of
other classes than tensors, as a training checkpoint has them beside its weights, are left out: a
stand-in that does nothing takes their place.

Understood are state dicts, and checkpoints that hold one among other things, as Lightning's do; so
are the prefixes of compiled and parallel modules (`_orig_mod.`, `module.`), and one prefix that all
weights share, such as the `model.` of a module inside a LightningModule.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pickle import UnpicklingError
from typing import Any

from lading.model_packaging.errors import ManifestError, SourceUnreadable, SourceUntrusted
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.sources.user_code import load_class

_WRAPPERS = ("module", "_orig_mod")
"""Names that DataParallel and torch.compile give the module that they wrap."""

_EXTRA_STATE = "_extra_state"
"""torch's name for what a module keeps beside its tensors."""

_SHOWN = 3
_MOST_HEADER = 100 << 20


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a file holds: weights by name, and what its module is made with.

    `arguments_name` is the one parameter of the class that takes all arguments, if one does.
    """

    weights: Mapping[str, Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    arguments_name: str = ""


class _StandIn:
    """What an object of a class that is not loaded is in its place."""

    def __new__(cls, *_: Any) -> Any:
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        """Take nothing over."""


class _PlainDict:
    """What Lightning's own kind of dict is in its place."""

    def __new__(cls, *_: Any) -> Any:
        return {}


def read_module(spec: ModelSpec) -> Any:
    """The module that a file holds, or the module of the manifest's class with its weights.

    Raises:
        SourceError: the file is damaged, does not fit the class, or is not trusted.
        ManifestError: the class is missing, or cannot be made.
    """
    if is_safetensors(spec):
        return _with_weights(spec, Checkpoint(_read_safetensors(spec)))
    given = _load(spec)
    if hasattr(given, "forward"):
        return _unwrapped(given)
    return _with_weights(spec, _checkpoint(spec, given))


def is_safetensors(spec: ModelSpec) -> bool:
    """Whether the file is of that format, by its suffix or its first bytes."""
    if spec.source.suffix == ".safetensors":
        return True
    with spec.source.open("rb") as file:
        head = file.read(9)
    return head[8:] == b"{" and int.from_bytes(head[:8], "little") < _MOST_HEADER


def damaged(spec: ModelSpec, error: Exception) -> SourceUnreadable:
    """What a file that torch fails to read is said to be."""
    said = str(error).strip().partition("\n")[0][:200]
    reason = said if " " in said else f"{type(error).__name__} {said}".strip()
    text = f"is damaged or no file that PyTorch saves: {reason}"
    return SourceUnreadable(spec.name, spec.source, text)


def _read_safetensors(spec: ModelSpec) -> Mapping[str, Any]:
    from safetensors.torch import load_file

    try:
        weights: Mapping[str, Any] = load_file(spec.source)
    except Exception as error:  # a damaged file raises anything
        raise damaged(spec, error) from error
    return weights


def _load(spec: ModelSpec) -> Any:
    try:
        return _unpickled(spec)
    except UnpicklingError as error:
        refused = [line for line in str(error).splitlines() if "GLOBAL" in line]
        if not refused:
            raise damaged(spec, error) from error
        given = _without_objects(spec)
        if given is not None:
            return given
        advice = "save its state_dict() alone instead, and name its class"
        raise SourceUntrusted(spec.name, spec.source, [refused[0].strip(), advice]) from error
    except Exception as error:  # damaged files, and code that they bring along, raise anything
        raise damaged(spec, error) from error


def _unpickled(spec: ModelSpec, stand_ins: Iterable[tuple[type, str]] = ()) -> Any:
    import torch

    allowed = torch.serialization.safe_globals(list(stand_ins)) if stand_ins else nullcontext()
    with allowed:
        return torch.load(spec.source, map_location="cpu", weights_only=not spec.trust)


def _without_objects(spec: ModelSpec) -> Any:
    """A training checkpoint's weights and numbers; None when it has none without objects."""
    import torch

    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(spec.source)
        given = _unpickled(spec, [(_stand_in(name), name) for name in names])
    except Exception:  # noqa: BLE001 then it is refused for what it holds
        return None
    sets = _sets_of_weights(given) if isinstance(given, Mapping) else {}
    return given if sets and "" not in sets else None


def _stand_in(name: str) -> type:
    kind = _PlainDict if name.endswith(".AttributeDict") else _StandIn
    return type(name, (kind,), {})


def _checkpoint(spec: ModelSpec, given: Any) -> Checkpoint:
    """The weights among what a file holds.

    Raises:
        SourceUnreadable: it holds none, or several sets of which one must be chosen.
    """
    sets = _sets_of_weights(given) if isinstance(given, Mapping) else {}
    if not sets and not (isinstance(given, Mapping) and not given):
        holds = f"a {type(given).__name__}"
        if isinstance(given, Mapping):
            holds += f" of {_listed(list(map(str, given)))}"
        reason = f"holds {holds}, neither weights nor a module"
        raise SourceUnreadable(spec.name, spec.source, reason)
    if len(sets) > 1:
        reason = f"holds several sets of weights: {_listed(list(sets))}; save the one you mean"
        raise SourceUnreadable(spec.name, spec.source, reason)
    weights = next(iter(sets.values()), {})
    if "" in sets:
        return Checkpoint(weights)
    arguments = given.get("hyper_parameters", {})
    if not isinstance(arguments, Mapping):
        arguments = getattr(arguments, "__dict__", {})  # a Namespace of old versions
    return Checkpoint(weights, arguments, str(given.get("hparams_name") or ""))


def _sets_of_weights(given: Mapping[Any, Any]) -> dict[str, Mapping[str, Any]]:
    """Where tensors lie by name: at the top, called "", or under keys of a checkpoint."""
    if _is_weights(given):
        return {"": given}
    return {str(key): each for key, each in given.items() if _is_weights(each)}


def _is_weights(given: Any) -> bool:
    import torch

    if not isinstance(given, Mapping) or not given:
        return False
    return all(
        isinstance(key, str) and (isinstance(value, torch.Tensor) or key.endswith(_EXTRA_STATE))
        for key, value in given.items()
    )


def _with_weights(spec: ModelSpec, checkpoint: Checkpoint) -> Any:
    module = _make(spec, checkpoint)
    weights = _renamed(checkpoint.weights, list(module.state_dict()))
    _keep_precision(module, weights)
    try:
        missing, unknown = module.load_state_dict(weights, strict=False)
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise _misfit(spec, reason) from error
    missing = _not_shared(module, missing, weights)
    if missing or unknown:
        lacks = [f"the file lacks {_listed(missing)}"] if missing else []
        holds = [f"the class has no {_listed(unknown)}"] if unknown else []
        raise _misfit(spec, ", and ".join([*lacks, *holds]))
    return module


def _make(spec: ModelSpec, checkpoint: Checkpoint) -> Any:
    import torch

    if not spec.class_path:
        example = "such as networks.digits:Network, for models.yaml's neighbour networks/digits.py"
        reason = f"is needed, since {spec.source.name} holds weights alone: module:Name, {example}"
        raise ManifestError(spec.place("class"), reason)
    made = load_class(spec)
    arguments = _arguments(spec, made, checkpoint)
    try:
        module = made(**arguments)
    except Exception as error:  # the user's code raises what it likes
        given = f"with {_listed(list(arguments))}" if arguments else "without arguments"
        reason = f"cannot be made {given}: {error!r}"
        raise ManifestError(spec.place("class"), reason) from error
    if not isinstance(module, torch.nn.Module):
        raise ManifestError(spec.place("class"), f"makes a {type(module).__name__}, no nn.Module")
    return module


def _arguments(spec: ModelSpec, made: Callable[..., Any], checkpoint: Checkpoint) -> dict[str, Any]:
    """The checkpoint's hyperparameters that the class takes, as Lightning passes them."""
    given = checkpoint.arguments
    if not given:
        return {}
    parameters = inspect.signature(made).parameters
    if checkpoint.arguments_name in parameters:
        given = {checkpoint.arguments_name: given}
    takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    arguments = {name: it for name, it in given.items() if takes_any or name in parameters}
    for name, value in arguments.items():
        if isinstance(value, _StandIn) or (isinstance(value, type) and issubclass(value, _StandIn)):
            kind = value.__name__ if isinstance(value, type) else type(value).__name__
            reason = f"its hyperparameter '{name}' is a {kind}, which the class is made with"
            raise SourceUntrusted(spec.name, spec.source, [reason])
    return arguments


def _renamed(weights: Mapping[str, Any], names: list[str]) -> Mapping[str, Any]:
    """The weights by the module's own names, where only prefixes differ; else as they are."""
    if weights.keys() == set(names):
        return weights
    plain = {_unwrapped_name(name): name for name in names}
    found = {_unwrapped_name(name): value for name, value in weights.items()}
    if len(plain) < len(names) or len(found) < len(weights):
        return weights
    for given in (found, _without_first(found)):
        if given.keys() & plain.keys() and len(given) == len(found):
            return {plain.get(name, name): value for name, value in given.items()}
    return weights


def _unwrapped_name(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def _without_first(weights: Mapping[str, Any]) -> dict[str, Any]:
    """The weights without the first part of their names, if all have the same."""
    first = {name.partition(".")[0] for name in weights}
    if len(first) > 1:
        return {}
    return {name.partition(".")[2]: value for name, value in weights.items()}


def _keep_precision(module: Any, weights: Mapping[str, Any]) -> None:
    """Make float64 of what the file has in float64: training did, and copying would round it."""
    import torch

    own = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    for name, value in weights.items():
        wide = isinstance(value, torch.Tensor) and value.dtype is torch.float64
        if wide and name in own and own[name].dtype is torch.float32:
            own[name].data = own[name].data.double()


def _not_shared(module: Any, missing: list[str], weights: Mapping[str, Any]) -> list[str]:
    """The names of weights that are missing, less those that are one with a weight that is not."""
    state = module.state_dict()
    known = {state[name].data_ptr() for name in weights if name in state}
    return [name for name in missing if state[name].data_ptr() not in known]


def _unwrapped(module: Any) -> Any:
    """A whole module out of torch.compile's and DataParallel's wrappers."""
    import torch

    parallel = (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)
    while True:
        if isinstance(module, parallel):
            module = module.module
        elif hasattr(module, "_orig_mod"):
            module = module._orig_mod  # noqa: SLF001 torch.compile names it so
        else:
            return module


def _misfit(spec: ModelSpec, reason: str) -> SourceUnreadable:
    return SourceUnreadable(spec.name, spec.source, f"does not fit its class: {reason}")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(f"'{name}'" for name in names[:_SHOWN]) + more
