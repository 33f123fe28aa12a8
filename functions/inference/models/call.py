"""One routed request: which model it means, and the prediction that is asked of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

from lading.functions.contract.errors import EndpointUnready, InferenceError, MalformedRequest
from lading.functions.contract.names import DEFAULT_LABEL
from lading.functions.inference.loading.catalog import Catalog, CatalogModel
from lading.functions.inference.models.predictor import Predictor
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.messages import Observation, Request

_MOST_VERSION_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Call:
    """One request, routed: what a dialect's operation works with."""

    request: Request
    catalog: Catalog
    parameters: Mapping[str, str]
    observation: Observation

    def model_name(self) -> str:
        """The model in the path, else the only one served at this base URL.

        Raises:
            MalformedRequest: the path names none and several are served.
        """
        if "model" in self.parameters:
            return self.parameters["model"]
        names = self.catalog.names()
        if len(names) != 1:
            raise MalformedRequest(f"name one of the models in the path: {', '.join(names)}")
        return names[0]

    def model(self) -> CatalogModel:
        """The model that the path means.

        Raises:
            ModelNotFound: it is not served here.
        """
        model = self.catalog.model(self.model_name())
        self.observation.model = model.name
        return model

    def find_version(self) -> tuple[str, int]:
        """Name and version of the model that the path means.

        Raises:
            NotFound: it is not served here.
        """
        model = self.model()
        version = model.find_version(
            _version_number(self.parameters.get("version")), self.parameters.get("label")
        )
        self.observation.version = version
        return model.name, version

    def predictor(self) -> Predictor:
        """The predictor that the path means.

        Raises:
            NotFound: it is not served here.
            ModelUnavailable: it failed to load.
        """
        name, version = self.find_version()
        return self.catalog.model(name).predictor(version)

    def predict(
        self, predictor: Predictor, inputs: dict[str, Array], outputs: Sequence[str] = ()
    ) -> dict[str, Array]:
        """Predict, and note when: what came before is decoding, what comes after encoding."""
        self.observation.compute_started = perf_counter()
        try:
            return predictor.predict(inputs, outputs)
        except EndpointUnready as unready:
            return self._ask_twin(unready, getattr(predictor, "twin", None), inputs, outputs)
        finally:
            self.observation.compute_ended = perf_counter()

    def _ask_twin(
        self,
        unready: EndpointUnready,
        twin: Predictor | None,
        inputs: dict[str, Array],
        outputs: Sequence[str],
    ) -> dict[str, Array]:
        """The answer of the model that stands in for another, if there is one and it answers."""
        if twin is None:
            raise unready
        try:
            answer = twin.predict(inputs, outputs)
        except InferenceError as error:
            raise unready from error
        self.observation.answered_by = twin.metadata.name
        return answer


def _version_number(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > _MOST_VERSION_DIGITS:
        raise MalformedRequest(
            f"version '{text[:40]}' is no number; a label as '{DEFAULT_LABEL}' goes after /labels/"
        )
    return int(text)
