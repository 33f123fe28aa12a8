"""Models as transformers loads them: only tensors are read, and no code of the folder runs."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from lading.model_packaging.converters.framework_errors import framework_errors, one_line
from lading.model_packaging.errors import SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec


def load_model(spec: ModelSpec, kind: str) -> Any:
    """Return the model in a folder, in float32, by the name of the class that loads it.

    Raises:
        SourceUnreadable: it is damaged, needs custom code, lacks weights, or has weights that its
            architecture does not have.
    """
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    with loading(spec):
        model, report = getattr(transformers, kind).from_pretrained(
            spec.source,
            dtype=torch.float32,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            attn_implementation="eager",
            output_loading_info=True,
        )
    missing = sorted(key for key in report["missing_keys"] if "pooler" not in key)
    if missing:
        reason = f"lacks weights of its architecture, such as '{missing[0]}'"
        raise SourceUnreadable(spec.name, spec.source, reason)
    unexpected = sorted(report["unexpected_keys"])
    if unexpected and "For" in type(model).__name__:
        reason = f"has weights that a {type(model).__name__} does not have, such as"
        raise SourceUnreadable(spec.name, spec.source, f"{reason} '{unexpected[0]}'")
    return model.eval()


def loading(spec: ModelSpec) -> AbstractContextManager[None]:
    """Raise SourceUnreadable, with the reason and with advice, if transformers fails to load."""

    def unreadable(error: Exception) -> SourceUnreadable:
        return SourceUnreadable(spec.name, spec.source, _reason(one_line(error)[:300]))

    return framework_errors(unreadable)


def _reason(text: str) -> str:
    if "trust_remote_code" in text or "custom code" in text:
        advice = "export it to ONNX where you trust it, and name that as its source"
        return f"contains custom code, which is not run; {advice}"
    if "safetensors" in text:
        advice = "save it again with model.save_pretrained"
        return f"has no usable model.safetensors; {advice} ({text})"
    return f"cannot be loaded: {text}"


def answering(model: Any, answer: Callable[..., dict[str, Any]], rest: Any = None) -> Any:
    """Return a torch module that calls `answer` with the model and its inputs.

    `rest` is another module that `answer` uses: its weights become weights of the graph.
    """
    import torch

    class Answering(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model, self.rest = model, rest

        def forward(self, *inputs: Any) -> dict[str, Any]:
            return answer(self.model, *inputs)

    return Answering().eval()
