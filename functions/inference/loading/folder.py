"""The models in a container's model folder: artifacts, or a Triton model repository.

- `models/<name>/<version>/artifact.json`   artifacts in the layout of a store; every version
- `<name>/<version>/model.onnx`             a repository; the newest version, as in Triton

There is no lock to verify them against: SageMaker mounts the content that the deployment named.
A `check` may verify signatures; models of a repository have none.
"""

from pathlib import Path

from lading.functions.contract.errors import ArtifactError, ModelUnavailable
from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.artifact.specification import MODEL, SPECIFICATION, Artifact
from lading.functions.inference.loading.catalog import (
    Catalog,
    CatalogModel,
    Check,
    accept,
    load_catalog,
)
from lading.functions.inference.models.predictor import SessionError
from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.models.session_predictor import open_onnx


class FolderEmpty(Exception):
    """The folder contains no model."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} contains no model; put models/<name>/<version>/{SPECIFICATION} "
            f"or <name>/<version>/{MODEL} there"
        )
        self.folder = folder


def load_folder(
    folder: Path, threads: int = 0, check: Check = accept, *, allow_code: bool = False
) -> Catalog:
    """Load the models in `folder`; one that fails stays in the catalog as not ready.

    Args:
        folder: the folder.
        threads: threads inside one prediction.
        check: called with each artifact before it is opened; see `catalog.load_catalog`.
        allow_code: whether code in an artifact may run, though no lock pins it.

    Raises:
        FolderEmpty: there are none.
    """
    models = {
        name: load_model(folder, name, threads, check, allow_code=allow_code)
        for name in list_folder(folder)
    }
    if not models:
        raise FolderEmpty(folder)
    return Catalog(models)


def list_folder(folder: Path) -> dict[str, list[int]]:
    """Return, for each model in `folder`, the versions that would be loaded."""
    repository = {name: [max(found)] for name, found in _versions(folder, MODEL).items()}
    return _versions(folder / "models", SPECIFICATION) or repository


def load_model(
    folder: Path, name: str, threads: int = 0, check: Check = accept, *, allow_code: bool = False
) -> CatalogModel:
    """Load one of the models of `list_folder`; a version that fails is not ready."""
    versions = list_folder(folder)[name]
    if not (folder / "models" / name).exists():
        return _load(folder, name, max(versions), threads, check)
    served = ServedModel(name, dict.fromkeys(versions, ""))
    settings = ServingSettings((served,), str(folder), threads, allow_code=allow_code)
    return load_catalog(settings, check).model(name)


def _versions(folder: Path, file: str) -> dict[str, list[int]]:
    """Model -> its versions that have the file; a version's folder is named by a number."""
    found: dict[str, list[int]] = {}
    for path in sorted(folder.glob(f"*/*/{file}")):
        version = path.parent.name
        if version.isascii() and version.isdecimal():
            found.setdefault(path.parents[1].name, []).append(int(version))
    return found


def _load(folder: Path, name: str, version: int, threads: int, check: Check) -> CatalogModel:
    place = folder / name / str(version)
    bare = Artifact(
        name=name,
        identity="",
        digest="",
        inputs=(),
        outputs=(),
        model=b"",
        golden=None,
        specification={},
    )
    try:
        check(name, version, bare, place)
        session = OnnxSession(place / MODEL, threads)
    except (ArtifactError, SessionError, ValueError) as error:
        return CatalogModel(name, {version: ModelUnavailable(name, version, str(error))})
    bare = bare._replace(inputs=session.inputs, outputs=session.outputs)
    return CatalogModel(name, {version: open_onnx(bare, version, session=session)})
