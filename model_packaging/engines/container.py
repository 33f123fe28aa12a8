"""Any container that keeps SageMaker's contract, by the URI of its image.

It gets the trained files as they are, in /opt/ml/model, or one `model.tar.gz` of them, which
SageMaker unpacks there.
"""

from collections.abc import Mapping
from typing import Final

from lading.model_packaging.engines.serving import OnnxModel, Serving
from lading.model_packaging.errors import SourceUntrusted
from lading.model_packaging.manifest.engine_options import (
    VARIABLE,
    Flag,
    OptionRule,
    Text,
    Value,
    is_variable,
)
from lading.model_packaging.manifest.entries import EngineName
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.sources.files import RUNS_CODE, source_files

RULES: Mapping[str, OptionRule] = {"archive": Flag(), VARIABLE: Text()}
"""archive: one model.tar.gz instead of the files; in capitals: environment variables."""


class ContainerEngine:
    """See `serving.Engine`."""

    name: Final[EngineName] = "container"
    takes_onnx = False
    rules = RULES

    def write(
        self,
        spec: ModelSpec,
        options: Mapping[str, Value],
        model: OnnxModel | None,  # noqa: ARG002 - the container's own business
    ) -> Serving:
        """See `Engine.write`."""
        files = source_files(spec)
        code = [path for path, file in files.items() if file.suffix.lower() in RUNS_CODE]
        if code and not spec.trust:
            raise SourceUntrusted(spec.name, spec.source, code[:3])
        variables = {key: str(value) for key, value in options.items() if is_variable(key)}
        return Serving(files, variables, archive=options.get("archive") is True)


ENGINE = ContainerEngine()
