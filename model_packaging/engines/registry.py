"""The engines that serve models in containers.

To add an engine, add a module with an `ENGINE` that satisfies `serving.Engine`, list it in
`ENGINES`, and add its name to `manifest.entries.EngineName`.
"""

from lading.model_packaging.engines import container, djl_lmi, triton, vllm
from lading.model_packaging.engines.language_models import generates_text
from lading.model_packaging.engines.serving import Engine
from lading.model_packaging.manifest.models import ModelSpec

ENGINES: tuple[Engine, ...] = (container.ENGINE, djl_lmi.ENGINE, triton.ENGINE, vllm.ENGINE)
"""Every engine."""


def engines() -> dict[str, Engine]:
    """Every engine, by name."""
    return {engine.name: engine for engine in ENGINES}


def engine_of(spec: ModelSpec) -> Engine:
    """The engine that the manifest names, or the one that such a source is for."""
    if spec.engine is not None:
        return engines()[spec.engine.name]
    return engines()["vllm" if generates_text(spec.source) else "triton"]
