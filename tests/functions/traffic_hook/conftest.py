"""A roll-out to hook into: the real service, behind the few AWS calls that the hook makes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lading.functions.contract.split import VersionSplit
from tests.functions.traffic_hook.aws import LocalAws
from tests.support.worlds import settings_for, times

TOLERANCE = {"relative": 1e-3, "absolute": 1e-4}


def tensor(name: str, data: list[float]) -> dict[str, Any]:
    return {"name": name, "datatype": "FP32", "shape": [1, len(data)], "data": data}


def golden(factor: float) -> bytes:
    """Golden requests that `times(factor)` answers."""
    rows = ([1.0, 2.0], [0.5, -3.0])
    requests = [
        {"inputs": [tensor("x", row)], "outputs": [tensor("y", [factor * it for it in row])]}
        for row in rows
    ]
    return json.dumps({"tolerance": TOLERANCE, "requests": requests}).encode()


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[LocalAws]:
    """Version 7 of the function serves version 1 of the model `m`, y = 2x."""
    settings = settings_for(tmp_path, {"m": {1: times(2.0)}})
    with LocalAws(settings, function="lading-dev-model-m", current=6, target=7) as aws:
        yield aws


@pytest.fixture
def both(tmp_path: Path) -> Iterator[LocalAws]:
    """Version 7 of the function serves versions 1 and 2 of the model `m`, y = 2x and y = 3x."""
    settings = settings_for(tmp_path, {"m": {1: times(2.0), 2: times(3.0)}})
    (model,) = settings.models
    served = model._replace(split=VersionSplit({1: 50, 2: 50}))
    settings = settings._replace(models=(served,))
    with LocalAws(settings, function="lading-dev-model-m", current=6, target=7) as aws:
        yield aws
