"""A Triton model repository with an ensemble, which calls further models of the repository.

model/config.pbtxt           the ensemble: which model gets and returns which of its tensors
model/<number>/…             the folder of its version, which Triton requires; it has no model
<model>/config.pbtxt         a model that it calls
<model>/<number>/model.onnx  that model

All folders have the same number, a checksum of all files (`triton_config.derive_number`).

https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/architecture
(Ensemble Models), and `ModelEnsembling` in Triton's model_config.proto.
"""

from collections.abc import Mapping
from typing import Final

from lading.model_packaging.engines.serving import EnsembleStep, OnnxEnsemble
from lading.model_packaging.engines.triton_config import (
    NAME,
    ONNX_FILE,
    TritonSettings,
    derive_number,
    quoted,
    render_config,
    render_tensors,
)

_VERSION_FILE: Final = "ensemble.txt"
"""A file in the version's folder: S3 has no empty folders."""
_VERSION_TEXT: Final = b"Triton requires this folder; the ensemble is in config.pbtxt.\n"


def ensemble_files(ensemble: OnnxEnsemble, settings: TritonSettings) -> dict[str, bytes]:
    """Return the files of the repository."""
    files = {f"{NAME}/config.pbtxt": render_ensemble(ensemble, settings)}
    versions = {(NAME, _VERSION_FILE): _VERSION_TEXT}
    for name, model in ensemble.models.items():
        files[f"{name}/config.pbtxt"] = render_config(
            model.inputs, model.outputs, settings, None, name
        )
        versions[name, ONNX_FILE] = model.content
    contents = {f"{name}/{file}": content for (name, file), content in versions.items()}
    number = derive_number({**files, **contents})
    numbered = {f"{name}/{number}/{file}": content for (name, file), content in versions.items()}
    return {**files, **numbered}


def render_ensemble(ensemble: OnnxEnsemble, settings: TritonSettings) -> bytes:
    """Return the content of the ensemble's config.pbtxt."""
    lines = [
        f'name: "{NAME}"',
        'platform: "ensemble"',
        *render_tensors(ensemble.inputs, ensemble.outputs, settings.max_batch_size),
        "ensemble_scheduling {",
        *(f"  step [ {{ {_step(step)} }} ]" for step in ensemble.steps),
        "}",
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _step(step: EnsembleStep) -> str:
    inputs, outputs = _map("input_map", step.inputs), _map("output_map", step.outputs)
    return f"model_name: {quoted(step.model)} model_version: -1 {inputs} {outputs}"


def _map(field: str, names: Mapping[str, str]) -> str:
    """Return entries from a tensor of the model to a tensor of the ensemble."""
    pairs = names.items()
    return " ".join(f"{field} {{ key: {quoted(it)} value: {quoted(to)} }}" for it, to in pairs)
