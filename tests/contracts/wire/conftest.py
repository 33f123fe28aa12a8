"""The suite's models, served in each way; each client's file makes its client of that."""

from collections.abc import Iterator

import pytest

from tests.contracts.wire.ways import GRPC_WAYS, MODELS, WAYS, Served, Way
from tests.support.worlds import settings_for


def _served(way: Way, factory: pytest.TempPathFactory) -> Iterator[Served]:
    with way(settings_for(factory.mktemp("store"), MODELS)) as address:
        yield Served(address)


@pytest.fixture(scope="session", params=WAYS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """Over HTTP."""
    yield from _served(request.param, tmp_path_factory)


@pytest.fixture(scope="session", params=GRPC_WAYS)
def grpc_served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """Over gRPC."""
    yield from _served(request.param, tmp_path_factory)
