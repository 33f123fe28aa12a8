"""Loading and unloading models at run time, in a container, for clients that can reach its ports.

Triton's repository API, TorchServe's management API and SageMaker's multi-model contract use it.
Models are loaded from one folder only (`folder.py`). Files are verified against the digests in the
artifact itself; there is no lock, since a caller could not name one. A model is served once it has
answered its golden requests right. One thing is done at a time (`control_turn.py`), in a thread
that predicts nothing (`apart.py`).
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from lading.functions.contract.errors import (
    MalformedRequest,
    ModelConflict,
    ModelNotFound,
    ModelUnavailable,
    brief,
)
from lading.functions.contract.names import DEFAULT_LABEL, NAME_PATTERN
from lading.functions.contract.routes import RESERVED_NAMES
from lading.functions.inference.health.golden import wrong_answers
from lading.functions.inference.loading.catalog import Catalog, CatalogModel, Check, accept
from lading.functions.inference.loading.control_turn import ControlTurn
from lading.functions.inference.loading.folder import list_folder, load_model
from lading.functions.inference.models.statistics import Statistics


class ModelControl:
    """The control of `catalog`, which loads models from `root`; see `catalog.Control`.

    Args:
        catalog: the models served.
        root: folder of the models that can be loaded.
        threads: threads inside one prediction; 0: one for each processor that this process may use.
        check: called with each artifact before it is opened; see `catalog.load_catalog`.
        explicit: whether callers may load and unload, as in Triton's `explicit` control mode.
        multi_model: whether SageMaker requests what to load, each model in a separate folder.
    """

    def __init__(  # noqa: PLR0913 all but the first two have defaults
        self,
        catalog: Catalog,
        root: Path,
        threads: int = 0,
        check: Check = accept,
        *,
        explicit: bool = True,
        multi_model: bool = False,
    ) -> None:
        self._catalog, self._root, self._threads = catalog, root.resolve(), threads
        self._check = check
        self.explicit, self.multi_model = explicit, multi_model
        self.statistics = Statistics()
        self.turn = ControlTurn()
        self.allow_code = False
        """Whether code in an artifact may run, though no lock pins it."""
        self._places: dict[str, str] = {}

    def places(self) -> Mapping[str, str]:
        """See `Control.places`."""
        return dict(self._places)

    def available(self) -> Mapping[str, Sequence[int]]:
        """See `Control.available`."""
        return list_folder(self._root)

    def load(self, name: str, place: str = "") -> CatalogModel:
        """See `Control.load`.

        Raises:
            ModelNotFound: no model has this name.
            MalformedRequest: `place` is not a folder below the root with exactly one model.
            ModelUnavailable: it fails to load, or answers a golden request wrong; what was served
                before is still served.
            ControlBusy: another model is being loaded or unloaded.
        """
        with self.turn.taken("loading", name) as claim:
            model = self.read(name, place)
            with self.turn.kept(claim):
                self.serve(model, place)
            return model

    def read(self, name: str, place: str = "") -> CatalogModel:
        """Load every version of a model, and do not serve it yet; see `load`."""
        if name in RESERVED_NAMES or not re.fullmatch(NAME_PATTERN, name):
            raise MalformedRequest(f"'{brief(name)}' is not a valid model name")
        model = self._load(name, place)
        for version in model.versions:
            predictor = model.predictor(version)  # raises if it failed to load
            for reason in wrong_answers(predictor):
                raise ModelUnavailable(name, version, reason)
        return model

    def serve(self, model: CatalogModel, place: str = "") -> None:
        """Serve a model that has been read from `place`."""
        self._catalog.put(model)
        self._places[model.name] = place or model.name

    def _load(self, name: str, place: str) -> CatalogModel:
        if not place:
            if name not in self.available():
                raise ModelNotFound(name, self.available())
            return self._load_from(self._root, name)
        folder = (self._root / place).resolve()
        found = list_folder(folder) if folder.is_relative_to(self._root) else {}
        if len(found) != 1:
            raise MalformedRequest(
                f"'{brief(place)}' must be a folder below the root with exactly one model"
            )
        (own_name,) = found
        return self._load_from(folder, own_name)._replace(name=name)

    def _load_from(self, folder: Path, name: str) -> CatalogModel:
        allowed = self.allow_code
        return load_model(folder, name, self._threads, self._check, allow_code=allowed)

    def unload(self, name: str, version: int | None = None) -> None:
        """See `Control.unload`.

        Raises:
            NotFound: it is not served.
            ModelConflict: the version is the default, and there are others.
            ControlBusy: another model is being loaded or unloaded.
        """
        with self.turn.taken("unloading", name):
            self.drop(name, version)

    def drop(self, name: str, version: int | None = None) -> None:
        """Unload for one who has the turn already; see `unload`."""
        model = self._catalog.model(name)
        if version is None or list(model.versions) == [model.find_version(version)]:
            self._catalog.drop(name)
            return
        if version == model.default_version():
            raise ModelConflict(name, f"has version {version} as its default")
        versions = {n: found for n, found in model.versions.items() if n != version}
        labels = {label: n for label, n in model.labels.items() if n != version}
        split = None if model.split and version in model.split.percents else model.split
        self._catalog.put(model._replace(versions=versions, labels=labels, split=split))

    def set_default(self, name: str, version: int) -> None:
        """See `Control.set_default`.

        Raises:
            NotFound: it is not served.
            ControlBusy: another model is being loaded or unloaded.
        """
        with self.turn.taken("changing", name):
            self.make_default(name, version)

    def make_default(self, name: str, version: int) -> None:
        """Change the default for one who has the turn already; see `set_default`."""
        model = self._catalog.model(name)
        labels = {**model.labels, DEFAULT_LABEL: model.find_version(version)}
        self._catalog.put(model._replace(labels=labels))
