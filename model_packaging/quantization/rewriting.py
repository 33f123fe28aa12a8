"""onnxruntime's "basic" rewriting of a graph, which gives nothing but standard operators."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto

_FATAL = 4


def rewritten(
    model: "ModelProto", settings: Mapping[str, str], disabled: Sequence[str] = ()
) -> "ModelProto":
    """Return the model as onnxruntime rewrites it before it runs it.

    Args:
        model: the model, with its weights inside.
        settings: onnxruntime's session settings.
        disabled: names of rewriting rules that are left out.
    """
    import onnx
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = _FATAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    for key, value in settings.items():
        options.add_session_config_entry(key, value)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        options.optimized_model_filepath = str(path)
        ort.InferenceSession(
            model.SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=list(disabled),
        )
        return onnx.load(path)
