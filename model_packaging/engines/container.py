"""A custom container that follows SageMaker's contract, named by the URI of its image.

It gets the trained files unchanged in /opt/ml/model, or as one `model.tar.gz`, which SageMaker
unpacks there.
"""

from collections.abc import Mapping

from lading.model_packaging.engines.serving import Converted, Engine, Serving
from lading.model_packaging.errors import SourceUntrusted
from lading.model_packaging.manifest.engine_options import (
    FLAG,
    TEXT,
    VARIABLE,
    OptionRule,
    Value,
    is_variable,
)
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.sources.files import RUNS_CODE, source_files

RULES: Mapping[str, OptionRule] = {"archive": FLAG, VARIABLE: TEXT}
"""archive: one model.tar.gz instead of the files. Names in capitals are environment variables."""


def _write(spec: ModelSpec, options: Mapping[str, Value], _model: Converted | None) -> Serving:
    files = source_files(spec)
    code = [path for path, file in files.items() if file.suffix.lower() in RUNS_CODE]
    if code and not spec.trusts_all:
        raise SourceUntrusted(spec.name, spec.source, code[:3])
    variables = {key: str(value) for key, value in options.items() if is_variable(key)}
    return Serving(files, variables, archive=options.get("archive") is True)


ENGINE = Engine("container", takes_onnx=False, rules=RULES, write=_write)
