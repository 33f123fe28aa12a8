"""Catalog: (name, version or label) -> Predictor."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from lading.functions.contract.errors import (
    ArtifactCorrupt,
    ArtifactError,
    LabelNotFound,
    ModelNotFound,
    ModelUnavailable,
    VersionNotFound,
)
from lading.functions.contract.names import DEFAULT_LABEL, artifact_folder, in_layers
from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.artifact.reading import read_artifact, shown
from lading.functions.inference.artifact.specification import SPECIFICATION, Artifact
from lading.functions.inference.models.predictor import Predictor

if TYPE_CHECKING:
    from lading.functions.inference.models.statistics import Statistics


class CatalogModel(NamedTuple):
    """One model: a predictor, or the reason there is none, for each of its versions."""

    name: str
    versions: Mapping[int, Predictor | ModelUnavailable]
    labels: Mapping[str, int] = MappingProxyType({})

    def default_version(self) -> int:
        """The version that answers when none is named: the stable one, else the newest."""
        return self.labels[DEFAULT_LABEL] if DEFAULT_LABEL in self.labels else max(self.versions)

    def find_version(self, version: int | None = None, label: str | None = None) -> int:
        """The version that a request means.

        Raises:
            VersionNotFound, LabelNotFound: it is not served.
        """
        wanted = version
        if label is not None:
            if label not in self.labels:
                raise LabelNotFound(self.name, label, sorted(self.labels))
            wanted = self.labels[label]
        if wanted is None:
            wanted = self.default_version()
        if wanted not in self.versions:
            raise VersionNotFound(self.name, wanted, sorted(self.versions))
        return wanted

    def predictor(self, version: int) -> Predictor:
        """The predictor of a served version.

        Raises:
            ModelUnavailable: it failed to load.
        """
        found = self.versions[version]
        if isinstance(found, ModelUnavailable):
            raise ModelUnavailable(found.name, found.version, found.reason)
        return found

    def ready(self, version: int) -> bool:
        """Whether a served version can answer."""
        return not isinstance(self.versions[version], ModelUnavailable)


class Catalog:
    """The models that this process serves.

    `control` loads and unloads them while it runs; None where a deployment says what is served.
    """

    def __init__(self, models: Mapping[str, CatalogModel]) -> None:
        self._models = dict(models)
        self.control: Control | None = None
        # This catalog is not among them: what refers to itself is freed by the collector alone,
        # and a model would stay in memory until then.
        self._below = {name: self._only(model) for name, model in models.items()}

    def names(self) -> tuple[str, ...]:
        """Names of the models, sorted."""
        return tuple(sorted(self._models))

    def model(self, name: str) -> CatalogModel:
        """The model of this name.

        Raises:
            ModelNotFound: it is not served here.
        """
        if name not in self._models:
            raise ModelNotFound(name, self.names())
        return self._models[name]

    def models(self) -> tuple[CatalogModel, ...]:
        """The models, sorted by name, as they are at this moment."""
        return tuple(model for _, model in sorted(self._models.items()))

    def ready(self) -> bool:
        """Whether every version of every model can answer."""
        return not self.failures()

    def failures(self) -> tuple[ModelUnavailable, ...]:
        """Every version that failed to load."""
        return tuple(
            version
            for model in self._models.values()
            for version in model.versions.values()
            if isinstance(version, ModelUnavailable)
        )

    def predictors(self) -> tuple[Predictor, ...]:
        """Every version that loaded."""
        return tuple(
            version
            for model in self._models.values()
            for version in model.versions.values()
            if not isinstance(version, ModelUnavailable)
        )

    def below(self) -> Mapping[str, "Catalog"]:
        """Name -> the catalog as it stands below that model's own base URL."""
        return self._below

    def put(self, model: CatalogModel) -> None:
        """Serve a model, instead of one of its name that was served."""
        # Readers in other threads see the models before or after, never a mapping in between.
        self._models = {**self._models, model.name: model}
        self._below[model.name] = self._only(model)

    def drop(self, name: str) -> None:
        """Serve a model no more.

        Raises:
            ModelNotFound: it is not served.
        """
        self.model(name)
        self._below.pop(name, None)
        self._models = {each: model for each, model in self._models.items() if each != name}

    def attach(self, control: "Control") -> None:
        """Let `control` load and unload what is served here."""
        for catalog in (self, *self._below.values()):
            catalog.control = control

    def _only(self, model: CatalogModel) -> "Catalog":
        """A catalog of one model, which has none below it."""
        catalog = Catalog({})
        catalog._models = {model.name: model}
        catalog.control = self.control
        return catalog


class Control(Protocol):
    """What loads and unloads models while a server runs, and counts what they answer."""

    @property
    def statistics(self) -> "Statistics":
        """What each version has answered."""

    @property
    def explicit(self) -> bool:
        """Whether callers may load and unload."""

    @property
    def multi_model(self) -> bool:
        """Whether SageMaker says what is loaded, in its multi-model contract."""

    def places(self) -> Mapping[str, str]:
        """Models that were loaded from a place of their own -> that place."""

    def available(self) -> Mapping[str, Sequence[int]]:
        """Models that may be loaded -> their versions."""

    def load(self, name: str, place: str = "") -> CatalogModel:
        """Load every version of a model, from where models lie or from a folder there."""

    def unload(self, name: str, version: int | None = None) -> None:
        """Unload a model, or one version of it."""

    def set_default(self, name: str, version: int) -> None:
        """Let a version answer when none is named."""


def load_catalog(settings: ServingSettings) -> Catalog:
    """Load every model in `settings`; one that fails is kept, with its reason, as not ready."""
    root = Path(settings.model_root)
    return Catalog({model.name: _load_model(model, root, settings) for model in settings.models})


def _load_model(model: ServedModel, root: Path, settings: ServingSettings) -> CatalogModel:
    versions = {
        version: _load_version(model, version, root, settings) for version in model.versions
    }
    return CatalogModel(model.name, versions, model.labels)


def _load_version(
    model: ServedModel, version: int, root: Path, settings: ServingSettings
) -> Predictor | ModelUnavailable:
    folder = in_layers(root / artifact_folder(model.name, version))
    try:
        artifact = _read_version(model, version, folder)
        if artifact.name != model.name:
            raise ArtifactCorrupt(shown(folder / SPECIFICATION), f"is of model '{artifact.name}'")
        return _open(artifact, version, settings)
    except (ArtifactError, ValueError) as error:
        return ModelUnavailable(model.name, version, str(error))


def _open(artifact: Artifact, version: int, settings: ServingSettings) -> Predictor:
    """What answers for an artifact: an engine at an endpoint, or onnxruntime in this process."""
    if artifact.engine is not None:
        from lading.functions.inference.endpoint.predictor import open_endpoint

        return open_endpoint(artifact, version, settings.endpoint)
    from lading.functions.inference.models.onnx_predictor import OnnxPredictor

    return OnnxPredictor(artifact, version, settings.threads)


def _read_version(model: ServedModel, version: int, folder: Path) -> Artifact:
    digest = model.versions[version] or None
    if version not in model.remote:
        return read_artifact(folder, digest)
    from lading.functions.inference.artifact.remote import read_remote

    return read_remote(model.remote[version], model.name, version, digest)
