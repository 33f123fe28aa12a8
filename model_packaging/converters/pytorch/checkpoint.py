"""Weights of PyTorch files, and the user's module that they belong to.

A file is read without running code in it, unless the manifest trusts it. Objects that are not
tensors, which a training checkpoint contains beside its weights, are replaced with stand-ins that
do nothing.

Supported are state dicts, and checkpoints that contain one, as Lightning's do; also the prefixes of
compiled and parallel modules (`_orig_mod.`, `module.`), and one prefix that all weights share, such
as the `model.` of a module inside a LightningModule.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pickle import UnpicklingError
from typing import Any

from lading.model_packaging.converters.framework_errors import framework_errors, one_line, reading
from lading.model_packaging.errors import ManifestError, SourceUnreadable, SourceUntrusted
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.sources.user_code import load_class

_WRAPPERS = ("module", "_orig_mod")
"""Names that DataParallel and torch.compile give to the module that they wrap."""

_EXTRA_STATE = "_extra_state"
"""torch's name for the state of a module that is not a tensor."""

DAMAGED = "is damaged or not a file that PyTorch saves"
_SHOWN = 3
_MOST_HEADER = 100 << 20


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The contents of a file: weights by name, and the arguments that create its module.

    `arguments_name` is the parameter of the class that receives all arguments, if there is one.
    """

    weights: Mapping[str, Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    arguments_name: str = ""


class _UnloadedObject:
    """A stand-in for an object of a class that is not loaded."""

    def __new__(cls, *_: Any) -> Any:
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        """Ignore the object's state."""


class _PlainDict:
    """A stand-in for Lightning's own kind of dict."""

    def __new__(cls, *_: Any) -> Any:
        return {}


def read_module(spec: ModelSpec) -> Any:
    """Return the module in a file, or a module of the manifest's class with the file's weights.

    Raises:
        SourceError: the file is damaged, does not fit the class, or is not trusted.
        ManifestError: the class is missing, or cannot be created.
    """
    if is_safetensors(spec):
        return _with_weights(spec, Checkpoint(_read_safetensors(spec)))
    given = _load(spec)
    if hasattr(given, "forward"):
        return _unwrapped(given)
    return _with_weights(spec, _checkpoint(spec, given))


def is_safetensors(spec: ModelSpec) -> bool:
    """Return whether the file is in the safetensors format, by its suffix or its first bytes."""
    if spec.source.suffix == ".safetensors":
        return True
    with spec.source.open("rb") as file:
        head = file.read(9)
    return head[8:] == b"{" and int.from_bytes(head[:8], "little") < _MOST_HEADER


def _read_safetensors(spec: ModelSpec) -> Mapping[str, Any]:
    from safetensors.torch import load_file

    with reading(spec, DAMAGED):
        weights: Mapping[str, Any] = load_file(spec.source)
    return weights


def _load(spec: ModelSpec) -> Any:
    with reading(spec, DAMAGED):
        try:
            return _unpickled(spec)
        except UnpicklingError as error:
            refused = [line for line in str(error).splitlines() if "GLOBAL" in line]
            if not refused:
                raise
            given = _without_objects(spec)
            if given is not None:
                return given
            advice = "save its state_dict() alone instead, and name its class"
            raise SourceUntrusted(spec.name, spec.source, [refused[0].strip(), advice]) from error


def _unpickled(spec: ModelSpec, stand_ins: Iterable[tuple[type, str]] = ()) -> Any:
    import torch

    allowed = torch.serialization.safe_globals(list(stand_ins)) if stand_ins else nullcontext()
    with allowed:
        return torch.load(spec.source, map_location="cpu", weights_only=not spec.trusts_all)


def _without_objects(spec: ModelSpec) -> Any:
    """Return a training checkpoint's weights and numbers; None if it has none without objects."""
    import torch

    names = torch.serialization.get_unsafe_globals_in_checkpoint(spec.source)
    try:
        given = _unpickled(spec, [(_stand_in(name), name) for name in names])
    except (UnpicklingError, AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        return None  # it is then refused because of the code in it
    sets = _sets_of_weights(given) if isinstance(given, Mapping) else {}
    return given if sets and "" not in sets else None


def _stand_in(name: str) -> type:
    kind = _PlainDict if name.endswith(".AttributeDict") else _UnloadedObject
    return type(name, (kind,), {})


def _checkpoint(spec: ModelSpec, given: Any) -> Checkpoint:
    """Return the weights among the contents of a file.

    Raises:
        SourceUnreadable: there are none, or there are several sets of them.
    """
    sets = _sets_of_weights(given) if isinstance(given, Mapping) else {}
    if not sets and not (isinstance(given, Mapping) and not given):
        holds = f"a {type(given).__name__}"
        if isinstance(given, Mapping):
            holds += f" of {_listed(list(map(str, given)))}"
        reason = f"contains {holds}, neither weights nor a module"
        raise SourceUnreadable(spec.name, spec.source, reason)
    if len(sets) > 1:
        reason = f"contains several sets of weights: {_listed(list(sets))}; save only one of them"
        raise SourceUnreadable(spec.name, spec.source, reason)
    weights = next(iter(sets.values()), {})
    if "" in sets:
        return Checkpoint(weights)
    arguments = given.get("hyper_parameters", {})
    if not isinstance(arguments, Mapping):
        arguments = getattr(arguments, "__dict__", {})  # a Namespace of old versions
    return Checkpoint(weights, arguments, str(given.get("hparams_name") or ""))


def _sets_of_weights(given: Mapping[Any, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the sets of tensors by their key in the checkpoint; the key is "" at the top level."""
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
    with framework_errors(lambda error: _misfit(spec, one_line(error)[:300])):
        missing, unknown = module.load_state_dict(weights, strict=False)
    missing = _not_shared(module, missing, weights)
    if missing or unknown:
        lacks = [f"the file lacks {_listed(missing)}"] if missing else []
        holds = [f"the class has no {_listed(unknown)}"] if unknown else []
        raise _misfit(spec, ", and ".join([*lacks, *holds]))
    return module


def _make(spec: ModelSpec, checkpoint: Checkpoint) -> Any:
    import torch

    if not spec.class_path:
        example = "such as networks.digits:Network for networks/digits.py beside models.yaml"
        reason = (
            f"is required, since {spec.source.name} contains only weights: module:Name, {example}"
        )
        raise ManifestError(spec.place("class"), reason)
    made = load_class(spec)
    arguments = _arguments(spec, made, checkpoint)
    given = f"with {_listed(list(arguments))}" if arguments else "without arguments"
    place = spec.place("class")
    with framework_errors(lambda e: ManifestError(place, f"cannot be created {given}: {e!r}")):
        module = made(**arguments)
    if not isinstance(module, torch.nn.Module):
        reason = f"creates a {type(module).__name__}, which is not an nn.Module"
        raise ManifestError(place, reason)
    return module


def _arguments(spec: ModelSpec, made: Callable[..., Any], checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the checkpoint's hyperparameters that the class accepts, as Lightning passes them."""
    given = checkpoint.arguments
    if not given:
        return {}
    parameters = inspect.signature(made).parameters
    if checkpoint.arguments_name in parameters:
        given = {checkpoint.arguments_name: given}
    takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    arguments = {name: it for name, it in given.items() if takes_any or name in parameters}
    for name, value in arguments.items():
        if isinstance(value, _UnloadedObject) or (
            isinstance(value, type) and issubclass(value, _UnloadedObject)
        ):
            kind = value.__name__ if isinstance(value, type) else type(value).__name__
            reason = f"its hyperparameter '{name}' is a {kind}, which the class needs"
            raise SourceUntrusted(spec.name, spec.source, [reason])
    return arguments


def _renamed(weights: Mapping[str, Any], names: list[str]) -> Mapping[str, Any]:
    """Return the weights by the module's own names if only prefixes differ; else unchanged."""
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
    """Return the weights without the first part of their names, if all names share it."""
    first = {name.partition(".")[0] for name in weights}
    if len(first) > 1:
        return {}
    return {name.partition(".")[2]: value for name, value in weights.items()}


def _keep_precision(module: Any, weights: Mapping[str, Any]) -> None:
    """Change to float64 what is float64 in the file, which copying would round."""
    import torch

    own = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    for name, value in weights.items():
        wide = isinstance(value, torch.Tensor) and value.dtype is torch.float64
        if wide and name in own and own[name].dtype is torch.float32:
            own[name].data = own[name].data.double()


def _not_shared(module: Any, missing: list[str], weights: Mapping[str, Any]) -> list[str]:
    """Return the missing names without those that share memory with a weight that is there."""
    state = module.state_dict()
    known = {state[name].data_ptr() for name in weights if name in state}
    return [name for name in missing if state[name].data_ptr() not in known]


def _unwrapped(module: Any) -> Any:
    """Return a module without the wrappers of torch.compile and DataParallel."""
    import torch

    parallel = (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)
    while True:
        if isinstance(module, parallel):
            module = module.module
        elif hasattr(module, "_orig_mod"):
            module = module._orig_mod  # noqa: SLF001 the name that torch.compile gives it
        else:
            return module


def _misfit(spec: ModelSpec, reason: str) -> SourceUnreadable:
    return SourceUnreadable(spec.name, spec.source, f"does not fit its class: {reason}")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(f"'{name}'" for name in names[:_SHOWN]) + more
