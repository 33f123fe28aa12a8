"""Models as transformers loads them: nothing but tensors is read, and no code of theirs runs."""

from collections.abc import Callable
from typing import Any

from lading.model_packaging.errors import PackagingError, SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec


def load_model(spec: ModelSpec, kind: str) -> Any:
    """The model in a folder, in float32, by the name of the class that loads it.

    Raises:
        SourceUnreadable: it is damaged, wants code of its own to run, lacks weights, or has some
            that its architecture does not take.
    """
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    model, report = loaded(
        spec,
        lambda: getattr(transformers, kind).from_pretrained(
            spec.source,
            dtype=torch.float32,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            attn_implementation="eager",
            output_loading_info=True,
        ),
    )
    missing = sorted(key for key in report["missing_keys"] if "pooler" not in key)
    if missing:
        reason = f"lacks weights of its architecture, such as '{missing[0]}'"
        raise SourceUnreadable(spec.name, spec.source, reason)
    unexpected = sorted(report["unexpected_keys"])
    if unexpected and "For" in type(model).__name__:
        reason = f"has weights that a {type(model).__name__} does not take, such as"
        raise SourceUnreadable(spec.name, spec.source, f"{reason} '{unexpected[0]}'")
    return model.eval()


def loaded(spec: ModelSpec, load: Callable[[], Any]) -> Any:
    """What `load` gives.

    Raises:
        SourceUnreadable: transformers gives up; the text says why, and what to do.
    """
    try:
        return load()
    except PackagingError:
        raise
    except Exception as error:  # transformers raises whatever its code runs into
        text = " ".join(str(error).split())[:300]
        if "trust_remote_code" in text or "custom code" in text:
            advice = "export it to ONNX where you trust it, and name that as its source"
            reason = f"brings code of its own, which is not run; {advice}"
            raise SourceUnreadable(spec.name, spec.source, reason) from error
        if "safetensors" in text:
            advice = "save it again with model.save_pretrained"
            reason = f"has no usable model.safetensors; {advice} ({text})"
            raise SourceUnreadable(spec.name, spec.source, reason) from error
        raise SourceUnreadable(spec.name, spec.source, f"cannot be loaded: {text}") from error
