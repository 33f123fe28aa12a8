"""Requests over gRPC: the bytes of a message, as the two protocols decode them.

An input is one byte that chooses the method, and the message.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path

from lading.functions.contract.statuses import status_of
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.models.prediction import predict
from lading.functions.inference.rpc.messages import message
from lading.functions.inference.rpc.server import SERVICES
from lading.functions.inference.rpc.service import RpcCall
from lading.functions.inference.wire.boundary import Boundary
from lading.functions.inference.wire.messages import Observation
from tests.contracts.test_damaged_grpc_requests import PROTOCOLS
from tests.fuzz.target import Attempt, Target
from tests.support.worlds import STRING, echo, settings_for

_METHODS = [
    (f"{service.name}/{name}", operation)
    for service in SERVICES
    for name, operation in service.predicting.items()
]


def seeds() -> Iterator[bytes]:
    """Yield a good message of each protocol, and each damaged one that is short."""
    for protocol in PROTOCOLS.values():
        index = [name for name, _ in _METHODS].index(protocol.method)
        for sent in (protocol.good, *protocol.damage.values()):
            known = sent if isinstance(sent, bytes) else _written(protocol.request, sent)
            if len(known) <= 2048:
                yield bytes([index]) + known


def _written(kind: str, fields: dict[str, object]) -> bytes:
    return bytes(message(kind)(**fields).SerializeToString())


@contextmanager
def opened() -> Iterator[Attempt]:
    """Load a model of numbers and one of texts, which the methods may name."""
    with tempfile.TemporaryDirectory() as root:
        models = {"m": {1: echo()}, "t": {1: echo(STRING, ["n"])}}
        catalog = load_catalog(settings_for(Path(root), models))

        def attempt(data: bytes) -> None:
            if not data:
                return
            method, operation = _METHODS[data[0] % len(_METHODS)]
            observation = Observation()
            with Boundary(observation) as boundary:
                steps = operation(RpcCall(catalog, observation, f"/{method}"), data[1:])
                with suppress(StopIteration):
                    steps.send(predict(next(steps), observation))
                return
            status = status_of(boundary.refusal)
            assert status < 500 or status == HTTPStatus.NOT_IMPLEMENTED, observation.error

        yield attempt


TARGET = Target("rpc", opened, seeds)
