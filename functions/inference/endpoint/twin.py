"""The smaller model on Lambda that answers while a model's endpoint is unavailable."""

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

from lading.functions.contract.errors import InferenceError, PredictionFailed
from lading.functions.contract.invocation import answer_body, dumps, lambda_client, proxy_event
from lading.functions.contract.limits import LAMBDA
from lading.functions.inference.models.predictor import ModelMetadata, Predictor
from lading.functions.inference.tensors.binary import HEADER_LENGTH
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.tensors.messages import decode, encode

PATIENCE_S: Final = 10
"""Seconds; longer than a cold start of a small model."""

_OK = 200


class Twin(Predictor):
    """A model with the same signature as another, at the alias of its own function.

    Args:
        metadata: its name, and the signature of the model that it replaces.
        function: its function and alias, `name:alias`.
    """

    def __init__(self, metadata: ModelMetadata, function: str) -> None:
        self.metadata = metadata
        self._function, _, self._alias = function.partition(":")

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """See `Predictor.predict`; the request matches the other model's signature.

        Raises:
            PredictionFailed: it does not answer.
        """
        wanted = outputs or self.metadata.output_names()
        try:
            found = self._ask(*encode(inputs, wanted))
            return {name: found[name] for name in wanted}
        except (InferenceError, LookupError, TypeError, ValueError) as error:
            raise self._silent(repr(error)) from error

    def _ask(self, body: bytes, header_size: int) -> dict[str, Array]:
        path = f"/{self.metadata.name}/v2/models/{self.metadata.name}/infer"
        payload = dumps(proxy_event("POST", path, {HEADER_LENGTH: str(header_size)}, body))
        if len(payload) > LAMBDA.request_bytes:
            raise self._silent("the request is too long for Lambda")
        answer = self._invoke(payload)
        if answer["statusCode"] != _OK:
            raise self._silent(f"it answered {answer['statusCode']}")
        headers = {name.lower(): value for name, value in answer["headers"].items()}
        content = answer_body(answer)
        return decode(content, int(headers.get(HEADER_LENGTH, len(content))))

    def _invoke(self, payload: bytes) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            reply = self._client.invoke(
                FunctionName=self._function, Qualifier=self._alias, Payload=payload
            )
            return json.loads(reply["Payload"].read())
        except (BotoCoreError, ClientError) as error:
            raise self._silent(type(error).__name__) from error

    def _silent(self, reason: str) -> PredictionFailed:
        return PredictionFailed(self.metadata.name, self.metadata.version, reason)

    @cached_property
    def _client(self) -> Any:
        return lambda_client(PATIENCE_S)
