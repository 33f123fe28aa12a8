"""Folders of sentence-transformers: from a transformer's states of tokens to a vector per text.

modules.json names the modules that follow the transformer: Pooling, Dense, LayerNorm, Normalize and
Dropout are supported. They are computed here, and compared with `SentenceTransformer.encode` if
that library is installed. Any other module, key or value is refused by its name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from lading.model_packaging.converters.huggingface.folder import (
    CONFIG,
    MODULES,
    inside,
    read_document,
    read_json,
)
from lading.model_packaging.converters.huggingface.sentence_pooling import MODES, Pooling
from lading.model_packaging.converters.huggingface.transformers_models import loading
from lading.model_packaging.errors import ConversionError, SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")

_LIBRARY = "config_sentence_transformers.json"
_TRANSFORMERS = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
"""Names of the file with the transformer's own options; the first that exists is read."""

_LEGACY = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
"""Keys of older folders -> modes, in the order in which their vectors are concatenated."""

_KINDS = ("Transformer", "Pooling", "Dense", "LayerNorm", "Normalize", "Dropout")
_ANY_VALUE = frozenset(
    {
        *("idx", "name", "path", "type"),
        *("__version__", "prompts", "default_prompt_name", "similarity_fn_name", "truncate_dim"),
        *("max_seq_length", "do_lower_case", "unpad_inputs"),
        *("word_embedding_dimension", "embedding_dimension", "pooling_mode", "include_prompt"),
        *("in_features", "out_features", "bias", "activation_function", "dimension", "dropout"),
        *_LEGACY,
    }
)
"""Keys that are supported with any value: of modules.json, the library, and its modules."""

_Values = Mapping[str, tuple[Any, ...]]
"""Keys of a file -> the values that are supported."""

_STATES = {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}
_VECTORS = (None, "sentence_embedding")
_OF_LIST: _Values = {"kwargs": (None, [])}
_OF_LIBRARY: _Values = {"model_type": (None, "SentenceTransformer")}
_OF_TRANSFORMER: _Values = {
    "transformer_task": (None, "feature-extraction"),
    "modality_config": (None, _STATES),
    "module_output_name": (None, "token_embeddings"),
    **dict.fromkeys(("model_args", "tokenizer_args", "config_args"), (None, {})),
    **dict.fromkeys(("model_kwargs", "processor_kwargs", "config_kwargs"), (None, {})),
    "processing_kwargs": (None, {}),
}
_OF_MODULE: _Values = {
    "module_input_name": _VECTORS,
    "module_output_name": _VECTORS,
    "use_residual": (None, False),
}


@dataclass(frozen=True, slots=True)
class Module:
    """A module after the transformer: its class, its folder, and its config.json."""

    kind: str
    folder: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sentences:
    """The settings of a folder of sentence-transformers.

    Args:
        modules: the modules after the transformer, in order.
        prompt: a text that is put before each text.
        lower: whether texts are converted to lower case.
        max_length: the number of tokens after which texts are cut; None if the tokenizer decides.
        size: the number of elements of a vector that are kept; None for all.
    """

    modules: tuple[Module, ...]
    prompt: str
    lower: bool
    max_length: int | None
    size: int | None

    @property
    def skips_prompt(self) -> bool:
        """Whether pooling skips the prompt's own tokens."""
        return any(each.options.get("include_prompt") is False for each in self.modules)


def read_sentences(spec: ModelSpec) -> Sentences:
    """Read the folder's settings.

    Raises:
        SourceUnreadable: a file is missing or damaged.
        ConversionError: it has a module, a key or a value that is not supported.
    """
    modules = _modules(spec)
    library = _options(spec, _LIBRARY, _OF_LIBRARY)
    own = [name for name in _TRANSFORMERS if (spec.source / name).is_file()]
    options = _options(spec, own[0], _OF_TRANSFORMER) if own else {}
    return Sentences(
        modules,
        _prompt(spec, library),
        bool(options.get("do_lower_case")),
        options.get("max_seq_length"),
        library.get("truncate_dim"),
    )


def sentence_module(spec: ModelSpec, sentences: Sentences, prompt_length: int) -> Any:
    """Return a torch module from states of tokens and their mask to vectors.

    Args:
        spec: the model.
        sentences: the settings of its folder.
        prompt_length: the number of tokens of the prompt.

    Raises:
        SourceUnreadable: weights are missing or damaged.
        ConversionError: a module does something that is not supported.
    """
    import torch

    pooling, *others = sentences.modules
    pool = Pooling(_modes(spec, pooling), prompt_length if sentences.skips_prompt else 0)
    steps = [_step(spec, each) for each in others]

    class Vectors(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.held = torch.nn.ModuleList(
                step for step in steps if isinstance(step, torch.nn.Module)
            )

        def forward(self, states: Any, mask: Any) -> Any:
            vectors = pool(states, mask)
            for step in steps:
                vectors = step(vectors)
            return vectors[..., : sentences.size]

    return Vectors().eval()


def _modules(spec: ModelSpec) -> tuple[Module, ...]:
    entries = read_document(spec, MODULES)
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise SourceUnreadable(spec.name, spec.source, f"has a {MODULES} that is not a list")
    found = tuple(_module(spec, entry) for entry in entries)
    kinds = [module.kind for module in found]
    if kinds[:2] != ["Transformer", "Pooling"] or {"Transformer", "Pooling"} & set(kinds[2:]):
        reason = f"lists {', '.join(kinds) or 'nothing'} in {MODULES}"
        wanted = "only a Transformer and then a Pooling at the beginning are supported"
        raise ConversionError(spec.name, f"{reason}; {wanted}")
    return found[1:]


def _module(spec: ModelSpec, entry: Mapping[str, Any]) -> Module:
    _require_supported(spec, MODULES, entry, _OF_LIST)
    if not {"name", "path", "type"} <= entry.keys():
        reason = f"has a module without name, path or type in {MODULES}"
        raise SourceUnreadable(spec.name, spec.source, reason)
    name, folder = str(entry.get("type")), str(entry.get("path") or "")
    kind = name.rpartition(".")[2]
    if kind not in _KINDS or not name.startswith("sentence_transformers."):
        known = ", ".join(_KINDS)
        reason = f"has the module {name} of sentence-transformers; {known} are supported"
        raise ConversionError(spec.name, reason)
    if kind == "Transformer" and folder:
        reason = f"has its transformer in '{folder}'; save it again with sentence-transformers"
        raise ConversionError(spec.name, reason)
    options = _options(spec, f"{folder}/{CONFIG}", _OF_MODULE) if folder else {}
    return Module(kind, folder, options)


def _options(spec: ModelSpec, name: str, values: _Values) -> dict[str, Any]:
    """Return the options in a file, all of which are supported; none if there is no such file."""
    if not inside(spec, name).is_file():
        return {}
    found = read_json(spec, name)
    _require_supported(spec, name, found, values)
    return found


def _require_supported(
    spec: ModelSpec, name: str, found: Mapping[str, Any], values: _Values
) -> None:
    for key, value in found.items():
        if key not in _ANY_VALUE and value not in values.get(key, (None,)):
            reason = f"states {key}: {str(value)[:80]} in {name}, which is not supported"
            raise ConversionError(spec.name, reason)


def _prompt(spec: ModelSpec, library: Mapping[str, Any]) -> str:
    name, prompts = library.get("default_prompt_name"), library.get("prompts") or {}
    if name is None:
        return ""
    if not isinstance(prompts.get(name), str):
        reason = f"names a default prompt '{name}' in {_LIBRARY} that it does not state"
        raise SourceUnreadable(spec.name, spec.source, reason)
    return str(prompts[name])


def _modes(spec: ModelSpec, pooling: Module) -> tuple[str, ...]:
    stated = pooling.options.get("pooling_mode")
    if stated is None:
        legacy = tuple(mode for key, mode in _LEGACY.items() if pooling.options.get(key))
        return legacy or ("mean",)
    modes = (stated,) if isinstance(stated, str) else tuple(stated)
    unknown = [str(mode) for mode in modes if mode not in MODES]
    if unknown:
        reason = f"pools by {', '.join(unknown)}; {', '.join(MODES)} are supported"
        raise ConversionError(spec.name, reason)
    return modes


def _step(spec: ModelSpec, module: Module) -> Callable[[Any], Any]:
    """Return the function of a module on vectors [texts, size]."""
    import torch

    if module.kind == "Normalize":
        return partial(torch.nn.functional.normalize, p=2, dim=-1)
    if module.kind == "Dropout":
        return lambda vectors: vectors
    make = _layer_norm if module.kind == "LayerNorm" else _dense
    try:
        found: Callable[[Any], Any] = make(spec, module)
    except (KeyError, ValueError, TypeError, AttributeError, ImportError) as error:
        reason = f"has an invalid {module.folder}/{CONFIG}: {error!r}"
        raise SourceUnreadable(spec.name, spec.source, reason) from error
    return found


def _layer_norm(spec: ModelSpec, module: Module) -> Any:
    import torch

    norm = torch.nn.LayerNorm(int(module.options["dimension"]))
    return _with_weights(spec, module, "norm", norm)


def _dense(spec: ModelSpec, module: Module) -> Any:
    import torch

    options = module.options
    sizes = int(options["in_features"]), int(options["out_features"])
    linear = torch.nn.Linear(*sizes, bias=bool(options.get("bias", True)))
    return torch.nn.Sequential(
        _with_weights(spec, module, "linear", linear), _activation(spec, module)
    )


def _activation(spec: ModelSpec, module: Module) -> Any:
    import torch

    name = str(module.options.get("activation_function", "torch.nn.modules.activation.Tanh"))
    package, _, kind = name.rpartition(".")
    found = getattr(import_module(package), kind) if package.startswith("torch.nn") else None
    if not isinstance(found, type) or not issubclass(found, torch.nn.Module):
        reason = f"has a Dense module with activation_function {name}; use one of torch.nn"
        raise ConversionError(spec.name, reason)
    return found()


def _with_weights(spec: ModelSpec, module: Module, name: str, layer: Any) -> Any:
    """Return the layer with its weights from the module's folder, in float32."""
    with loading(spec):
        weights = _weights(spec, module)
        found = {key.removeprefix(f"{name}."): value.float() for key, value in weights.items()}
        layer.load_state_dict(found)
    return layer


def _weights(spec: ModelSpec, module: Module) -> Any:
    """Return tensors by name; from the pickle of an older folder torch reads only tensors."""
    import torch
    from safetensors.torch import load_file

    safe, older = (inside(spec, f"{module.folder}/{name}") for name in _WEIGHTS)
    if safe.is_file():
        return load_file(safe)
    if older.is_file():
        return torch.load(older, map_location="cpu", weights_only=True)
    advice = "save it again with SentenceTransformer.save_pretrained"
    reason = f"has no {module.folder}/{_WEIGHTS[0]}; {advice}"
    raise SourceUnreadable(spec.name, spec.source, reason)
