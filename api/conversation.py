"""What a client of an API says and understands; `client` sends it, and waits."""

import json
from collections.abc import Generator, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Generic, NamedTuple, TypeVar

from lading.api.answers import Answer
from lading.api.calls import HEADERS, ServerAnswer
from lading.api.errors import ErrorAnswer
from lading.api.remote_models import (
    Api,
    Ask,
    DescribedModels,
    RemotePredictor,
    ask_model,
    read_document,
    read_model,
)
from lading.api.values import as_inputs
from lading.functions.inference.models.predictor import with_signature

R = TypeVar("R")

_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class Choice(NamedTuple):
    """Which part of a model is asked, and for what.

    Args:
        version: the number of a version; None: that of the label.
        label: a label; None: the stable version, else the newest.
        signature: the name of a signature; empty: the default one.
        outputs: names of outputs; empty: all.
    """

    version: int | None = None
    label: str | None = None
    signature: str = ""
    outputs: tuple[str, ...] = ()


class Sent(NamedTuple):
    """A request as it is sent."""

    url: str
    body: bytes | None
    headers: Mapping[str, str]


class Opened(NamedTuple, Generic[R]):
    """A response whose body is read in parts, and its address."""

    reply: R
    url: str


def begun(found: "ServerAnswer | Opened[R]", path: str) -> "Opened[R]":
    """Return a stream that has begun.

    Raises:
        ErrorAnswer: the response is an error.
    """
    if isinstance(found, ServerAnswer):
        raise ErrorAnswer(path, found.status, found.reason())
    return found


class Conversation:
    """Requests of one API, and what its responses mean.

    The methods are generators: each yields requests, is sent the responses, and returns a result.

    Args:
        api: the API, and its caller.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known = DescribedModels()

    def sent(self, ask: Ask) -> Sent:
        """Return a request with its proof, which is valid for minutes only.

        Raises:
            ServerError: the token would cross a network unencrypted.
            AwsRefused: there are no AWS credentials.
        """
        url = self._api.address(ask.path)
        proof = self._api.caller.headers(url, ask.body, ask.headers)
        return Sent(url, ask.body, {**ask.headers, **proof})

    def checked(self, sent: Sent, reply: ServerAnswer) -> ServerAnswer:
        """Return a response to an allowed caller.

        Raises:
            ErrorAnswer: the caller is refused.
        """
        if reply.status in _REFUSED:
            advice = "give the client a token, or sign=True"
            raise ErrorAnswer(sent.url, reply.status, f"{reply.reason()}; {advice}")
        return reply

    def listing(self) -> Generator[Ask, ServerAnswer, list[dict[str, Any]]]:
        """Ask for the descriptions of all models."""
        return list(read_document((yield Ask("/models"))))

    def describing(self, name: str) -> Generator[Ask, ServerAnswer, dict[str, Any]]:
        """Ask for the description of one model: its versions, labels, inputs and outputs."""
        return dict(read_document((yield ask_model(name)), name))

    def predicting(
        self, name: str, inputs: Any, choice: Choice
    ) -> Generator[Ask, ServerAnswer, Answer]:
        """Ask for a prediction, and first for the model's signature if it is not known yet."""
        model = self._known.find(name)
        if model is None:
            model = read_model((yield ask_model(name)), name, self._api)
            self._known.keep(name, model)
        version = model.find_version(choice.version, choice.label)
        predictor = with_signature(model.predictor(version), choice.signature)
        assert isinstance(predictor, RemotePredictor)
        asked = predictor.ask(as_inputs(inputs, predictor.metadata), choice.outputs)
        outputs = predictor.read((yield asked), choice.outputs)
        return Answer.of(predictor.metadata, outputs, predictor.classes)


def posting(path: str, document: Any) -> Ask:
    """Return a POST of a JSON document."""
    return Ask(path, json.dumps(document).encode(), HEADERS)


def chosen(
    version: int | None, label: str | None, signature: str, outputs: Iterable[str]
) -> Choice:
    """Return a choice.

    Raises:
        ValueError: both a version and a label are given.
    """
    if version is not None and label is not None:
        raise ValueError("give either version or label")
    return Choice(version, label, signature, tuple(outputs))
