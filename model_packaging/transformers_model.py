"""Models as transformers loads them: nothing but tensors is read, and no code of theirs runs."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from functions.inference.tensors import Array
from model_packaging.conversion import as_bytes
from model_packaging.errors import PackagingError, SourceUnreadable
from model_packaging.manifest import ModelSpec


def load_model(spec: ModelSpec, auto_class: str) -> Any:
    """The model in a folder, by the name of the class that finds its architecture.

    Raises:
        SourceUnreadable: it is damaged, wants code of its own to run, or lacks weights.
    """
    import transformers  # noqa: PLC0415 heavy

    transformers.utils.logging.disable_progress_bar()
    kind = getattr(transformers, auto_class)
    model, report = loaded(
        spec,
        lambda: kind.from_pretrained(
            spec.source,
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
    return model.eval()


def labelled(labels: Sequence[str], probabilities: Array, top: int) -> dict[str, Array]:
    """`label` and `score` [..., top], or [...] of one, of the likeliest, as PyTorch sorts them."""
    import torch  # noqa: PLC0415 heavy

    found = torch.sort(torch.from_numpy(probabilities), dim=-1, descending=True, stable=True)
    kept: Any = slice(top) if top > 1 else 0
    scores, order = (each.numpy()[..., kept] for each in found)
    return {"label": as_bytes(np.array(labels)[order]), "score": scores}


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
