"""The engines that serve models in containers on SageMaker.

To add an engine, write a module with an `ENGINE` (see `serving.Engine`), add a line to
`ENGINES`, and add its name to `manifest.entries.EngineName`.
"""

from lading.model_packaging.engines import container, djl_lmi, triton, vllm
from lading.model_packaging.engines.language_models import generates_text
from lading.model_packaging.engines.serving import Engine
from lading.model_packaging.manifest.models import ModelSpec

ENGINES: tuple[Engine, ...] = (container.ENGINE, djl_lmi.ENGINE, triton.ENGINE, vllm.ENGINE)


def engine_of(spec: ModelSpec) -> Engine:
    """Return the engine that the manifest names, or the default one for such a source."""
    default = "vllm" if generates_text(spec.source) else "triton"
    name = spec.engine.name if spec.engine else default
    return next(engine for engine in ENGINES if engine.name == name)
