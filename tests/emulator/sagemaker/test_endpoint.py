"""The states of an endpoint whose engine does not start."""

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from lading.emulator.errors import ContainerNotReady
from lading.emulator.sagemaker.endpoint import LocalEndpoint, Status
from tests.support.emulator_sagemaker import contrary, endpoint, serving
from tests.support.waiting import until


def test_an_endpoint_whose_container_does_not_start_has_failed(tmp_path: Path) -> None:
    model = LocalEndpoint("e", contrary(tmp_path, "exits"))
    with pytest.raises(ContainerNotReady), serving(model):
        pass
    assert "ended before it was ready" in model.failure


def test_an_endpoint_whose_container_does_not_wake_has_failed(tmp_path: Path) -> None:
    model = endpoint(tmp_path, "exits", component="c", asleep=True)
    with serving(model) as served:
        with pytest.raises(ClientError, match="no capacity"):
            served.invoke(InferenceComponentName="c")
        until(lambda: model.status == Status.failed)
        with pytest.raises(ClientError, match="not found"):
            served.invoke(InferenceComponentName="c")
