"""The catalog: the predictor of each version of each model, found by name, version or label."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from lading.functions.contract.errors import (
    ArtifactCorrupt,
    ArtifactError,
    CodeNotAllowed,
    LabelNotFound,
    ModelNotFound,
    ModelUnavailable,
    VersionNotFound,
)
from lading.functions.contract.names import (
    CONTAINER,
    DEFAULT_LABEL,
    LAYER_ROOT,
    artifact_folder,
    in_layers,
)
from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.artifact.reading import read_artifact, shown
from lading.functions.inference.artifact.specification import (
    CODE_STEP,
    MODEL,
    SPECIFICATION,
    Artifact,
)
from lading.functions.inference.models.predictor import Health, Predictor

if TYPE_CHECKING:
    from lading.functions.contract.split import VersionSplit
    from lading.functions.inference.capture.feedback import Feedback
    from lading.functions.inference.models.statistics import Statistics


class CatalogModel(NamedTuple):
    """One model: for each of its versions a predictor, or why there is none."""

    name: str
    versions: Mapping[int, Predictor | ModelUnavailable]
    labels: Mapping[str, int] = MappingProxyType({})
    split: "VersionSplit | None" = None
    """Which version answers a request that states none; None: the default version."""

    def default_version(self) -> int:
        """Return the version for requests that name none: the stable one, else the newest."""
        return self.labels[DEFAULT_LABEL] if DEFAULT_LABEL in self.labels else max(self.versions)

    def find_version(self, version: int | None = None, label: str | None = None) -> int:
        """Return the version that a request means.

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
        """Return the predictor of a served version.

        Raises:
            ModelUnavailable: it failed to load.
        """
        found = self.versions[version]
        if isinstance(found, ModelUnavailable):
            raise ModelUnavailable(found.name, found.version, found.reason)
        return found

    def failure(self, version: int) -> str:
        """Return why a served version cannot answer; empty if it can."""
        found = self.versions[version]
        if isinstance(found, ModelUnavailable):
            return found.reason
        return "" if found.health is None else found.health.failure()

    def ready(self, version: int) -> bool:
        """Return whether a served version can answer."""
        return not self.failure(version)


class Catalog:
    """The models that this process serves.

    `control` loads and unloads models at run time; None where the deployment decides. `in_memory`
    tells whether a model is found without waiting, as an event loop must. `others` says why another
    process of the same server cannot answer; empty if all can.
    """

    in_memory = True

    def __init__(self, models: Mapping[str, CatalogModel]) -> None:
        self._models = dict(models)
        self.control: Control | None = None
        self.feedback: Feedback | None = None
        """What accepts truths; None: they are not accepted. Never below a model's base URL, so that
        whoever may call only that has none."""
        self.waiting: Callable[[], Mapping[str, int]] = dict
        """How many requests wait for each model that has any, in a server with a queue."""
        self.draining = False
        """Whether the server stops: it is not ready then."""
        self.others: Callable[[], str] = str
        self._examine: Callable[[Predictor], Health] | None = None
        self._drawn: Callable[[], bool] | None = None
        # This catalog is not among them: only the garbage collector frees what refers to itself,
        # and a model would stay in memory until it runs.
        self._below = {name: self._only(model) for name, model in models.items()}

    def names(self) -> tuple[str, ...]:
        """Return the names of the models, sorted."""
        return tuple(sorted(self._models))

    def model(self, name: str) -> CatalogModel:
        """Return the model of this name.

        Raises:
            ModelNotFound: it is not served here.
        """
        if name not in self._models:
            raise ModelNotFound(name, self.names())
        return self._models[name]

    def split_of(self, name: str) -> "VersionSplit | None":
        """Return which version of a model answers a request; None: it is not split, or unknown."""
        found = self._models.get(name)
        return None if found is None else found.split

    def models(self) -> tuple[CatalogModel, ...]:
        """Return the models at this moment, sorted by name."""
        return tuple(model for _, model in sorted(self._models.items()))

    def ready(self) -> bool:
        """Return whether every version of every model can answer, and the server goes on.

        That holds in every process of the server.
        """
        return not self.draining and self.answers() and not self.others()

    def answers(self) -> bool:
        """Return whether every version of every model can answer in this process."""
        return all(model.ready(each) for model in self.models() for each in model.versions)

    def show_queue(self, waiting: Callable[[], Mapping[str, int]]) -> None:
        """Let readiness show what waits, which does not make a server less ready."""
        for catalog in (self, *self._below.values()):
            catalog.waiting = waiting

    def drain(self) -> None:
        """Be not ready from now on, because the server stops."""
        for catalog in (self, *self._below.values()):
            catalog.draining = True

    def failures(self) -> tuple[ModelUnavailable, ...]:
        """Return the error of every version that failed to load."""
        return tuple(
            version
            for model in self._models.values()
            for version in model.versions.values()
            if isinstance(version, ModelUnavailable)
        )

    def predictors(self) -> tuple[Predictor, ...]:
        """Return the predictor of every version that loaded."""
        return tuple(
            version
            for model in self._models.values()
            for version in model.versions.values()
            if not isinstance(version, ModelUnavailable)
        )

    def below(self) -> Mapping[str, "Catalog"]:
        """Return, by name, the catalog for each model's own base URL."""
        return self._below

    def put(self, model: CatalogModel) -> None:
        """Serve a model, in place of the one that had its name."""
        self._watch(model)
        self._sample(model)
        # Threads that read see the old mapping or the new one, never one that is changing.
        self._models = {**self._models, model.name: model}
        self._below[model.name] = self._only(model)

    def drop(self, name: str) -> None:
        """Stop serving a model.

        Raises:
            ModelNotFound: it is not served.
        """
        self.model(name)
        self._below.pop(name, None)
        self._models = {each: model for each, model in self._models.items() if each != name}

    def watch(self, examine: Callable[[Predictor], Health]) -> None:
        """Give every version its health, also those that are loaded later."""
        self._examine = examine
        for model in self.models():
            self._watch(model)

    def _watch(self, model: CatalogModel) -> None:
        for version in model.versions.values():
            if self._examine and not isinstance(version, ModelUnavailable) and not version.health:
                version.health = self._examine(version)

    def sample(self, drawn: Callable[[], bool]) -> None:
        """Have a share of the predictions captured, also of versions that are loaded later.

        Args:
            drawn: returns whether a prediction is one of the share.
        """
        self._drawn = drawn
        for model in self.models():
            self._sample(model)

    def _sample(self, model: CatalogModel) -> None:
        for version in model.versions.values():
            if self._drawn and not isinstance(version, ModelUnavailable):
                for each in (version, *version.signatures.values()):
                    each.drawn = self._drawn

    def attach(self, control: "Control") -> None:
        """Let `control` load and unload the models."""
        for catalog in (self, *self._below.values()):
            catalog.control = control

    def _only(self, model: CatalogModel) -> "Catalog":
        """Return a catalog of one model, without base URLs below it."""
        catalog = Catalog({})
        catalog._models = {model.name: model}
        catalog.control, catalog.waiting = self.control, self.waiting
        catalog.draining = self.draining
        return catalog


class Control(Protocol):
    """The interface for loading and unloading models at run time, and for their statistics."""

    @property
    def statistics(self) -> "Statistics":
        """The statistics of each version."""

    @property
    def explicit(self) -> bool:
        """Whether callers may load and unload."""

    @property
    def multi_model(self) -> bool:
        """Whether SageMaker requests what to load, by its multi-model contract."""

    def places(self) -> Mapping[str, str]:
        """Return the folder of each loaded model, below the root."""

    def available(self) -> Mapping[str, Sequence[int]]:
        """Return the versions of each model that can be loaded."""

    def load(self, name: str, place: str = "") -> CatalogModel:
        """Load every version of a model, from the root or from a folder below it."""

    def unload(self, name: str, version: int | None = None) -> None:
        """Unload a model, or one version of it."""

    def set_default(self, name: str, version: int) -> None:
        """Make a version the default."""


Check = Callable[[str, int, Artifact, Path], object]
"""Raises an ArtifactError if the artifact of a version, read from a folder, must not be served."""


def accept(_name: str, _version: int, _artifact: Artifact, _folder: Path) -> None:
    """Accept what the lock's digest pins; Lambda has no library for signatures."""


def load_catalog(settings: ServingSettings, check: Check = accept) -> Catalog:
    """Load every model in `settings`; one that fails stays in the catalog as not ready.

    Args:
        settings: the models.
        check: called with each verified artifact before it is opened; by default all are accepted.
    """
    root = Path(settings.model_root)
    catalog = Catalog(
        {model.name: _load_model(model, root, settings, check) for model in settings.models}
    )
    capture(catalog, settings)
    return catalog


def capture(catalog: Catalog, settings: ServingSettings) -> None:
    """Have a share of the requests captured, and truths accepted, if the settings say so."""
    if settings.capture is None:
        return
    from lading.functions.inference.capture.sampling import drawing

    catalog.sample(drawing(settings.capture.share))
    if settings.capture.feedback:
        from lading.functions.inference.capture.feedback import Feedback

        catalog.feedback = Feedback(settings.capture)


def _load_model(
    model: ServedModel, root: Path, settings: ServingSettings, check: Check
) -> CatalogModel:
    versions = {
        version: _load_version(model, version, root, settings, check) for version in model.versions
    }
    return CatalogModel(model.name, versions, model.labels, model.split)


def _load_version(
    model: ServedModel, version: int, root: Path, settings: ServingSettings, check: Check
) -> Predictor | ModelUnavailable:
    folder = in_layers(root / artifact_folder(model.name, version))
    try:
        artifact = _read_version(model, version, folder)
        if artifact.name != model.name:
            raise ArtifactCorrupt(
                shown(folder / SPECIFICATION), f"belongs to model '{artifact.name}'"
            )
        if not (model.versions[version] or settings.allow_code):
            _refuse_code(artifact, folder)
        check(model.name, version, artifact, folder)
        predictor = _open(artifact, version, settings)
    except (ArtifactError, ValueError) as error:
        return ModelUnavailable(model.name, version, str(error))
    predictor.folder = folder
    return predictor


def _refuse_code(artifact: Artifact, folder: Path) -> None:
    """Refuse an artifact with code that no lock pins: anybody who can write there could run it.

    Raises:
        CodeNotAllowed: it has some.
    """
    nodes = artifact.graph.nodes.values() if artifact.graph else ()
    own = any(node.code for node in nodes)
    for each in (*artifact.parts(), *artifact.others.values()):
        steps = each.specification.get("processing", ())
        own = own or (each.native is not None and each.native.runs_code)
        if own or any(step.get("step") == CODE_STEP for step in steps):
            raise CodeNotAllowed(shown(folder / SPECIFICATION))


def _open(artifact: Artifact, version: int, settings: ServingSettings) -> Predictor:
    """Return the predictor of an artifact: an engine's endpoint, a graph, or a model here."""
    if artifact.graph is not None:
        from lading.functions.inference.graphs.predictor import open_graph

        return open_graph(artifact, version, settings)
    if artifact.engine is not None:
        from lading.functions.inference.endpoint.predictor import open_endpoint

        return open_endpoint(artifact, version, settings.endpoint)
    if artifact.native is not None:
        from lading.functions.inference.native.runtimes import open_native

        return open_native(artifact, version, settings.threads)
    from lading.functions.inference.models.session_predictor import open_onnx

    return open_onnx(artifact, version, settings.threads)


def _read_version(model: ServedModel, version: int, folder: Path) -> Artifact:
    digest = model.versions[version] or None
    if version not in model.remote:
        artifact = read_artifact(folder, digest)
        is_onnx = artifact.model and not artifact.native
        return artifact._replace(file=_fixed(folder / MODEL)) if is_onnx else artifact
    from lading.functions.inference.artifact.remote import read_remote

    return read_remote(model.remote[version], model.name, version, digest)


def _fixed(model: Path) -> Path | None:
    """Return the file of a model if nothing can change it after its check, as in Lambda's layers.

    onnxruntime loads a file in two thirds of the time of bytes in memory. Elsewhere, such as in a
    folder that is mounted into a container, another process may write between check and loading.
    """
    below = model.is_relative_to(LAYER_ROOT) and not model.is_relative_to(CONTAINER.mounts)
    return model if below and os.statvfs(model).f_flag & os.ST_RDONLY else None
