"""A model of the manifest whose source is a folder that MLflow wrote."""

from dataclasses import replace

from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.sources.mlflow_folder import MLMODEL, read_logged
from lading.model_packaging.sources.mlflow_signature import example_of, inputs_of


def as_logged(spec: ModelSpec) -> ModelSpec:
    """Return the model with the file, the framework, the inputs and the example of MLmodel.

    What the manifest states comes first. A model of another source is returned unchanged.

    Raises:
        SourceUnreadable: MLmodel is damaged, or the file that it names is not in the folder.
        FlavorUnknown: no framework of Lading reads one of its flavors.
    """
    if not (spec.source / MLMODEL).is_file():
        return spec
    logged = read_logged(spec.name, spec.source)
    stated = spec.inputs or spec.examples
    return replace(
        spec,
        source=logged.path,
        framework=spec.framework or logged.framework,
        inputs=spec.inputs if stated else inputs_of(logged),
        example=example_of(logged),
    )
