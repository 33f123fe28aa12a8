"""The files of a manifest's folder that training and packaging a model need, also in the cloud."""

from collections.abc import Iterator
from pathlib import Path

from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.sources.local_imports import local_imports
from lading.training.recipe import code_files


def needed_files(spec: ModelSpec) -> Iterator[Path]:
    """Yield the script, local data, held-out rows, and own code with the modules it imports.

    Raises:
        TrainingError: the script, or a file that it needs, is missing.
    """
    assert spec.train is not None
    root = spec.manifest.parent
    yield from code_files(spec).values()
    yield from (each for each in spec.train.channels.values() if isinstance(each, Path))
    yield from spec.row_files().values()
    for path in spec.original_files().values():
        yield path
        if path.suffix == ".py" and path.is_relative_to(root):
            module = ".".join(path.relative_to(root).with_suffix("").parts)
            yield from local_imports(root, module).values()
