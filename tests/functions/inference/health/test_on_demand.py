"""A function's own health: one golden request in ten seconds, whoever asks."""

from typing import Any

import numpy as np
import pytest

from lading.functions.contract.errors import ModelUnavailable, PredictionFailed
from lading.functions.inference.health.on_demand import EVERY_S, HealthOnDemand
from lading.functions.inference.loading.catalog import Catalog, CatalogModel
from tests.functions.inference.health.test_golden import Fixed, tensor

RIGHT, WRONG = np.array([7], np.int64), np.array([8], np.int64)


class Counted(Fixed):
    """A predictor that counts its predictions."""

    calls = 0

    def predict(self, *request: Any) -> Any:
        self.calls += 1
        return super().predict(*request)


def catalog(version: Any) -> Catalog:
    return Catalog({"m": CatalogModel("m", {1: version}, {"stable": 1})})


def counted(answer: Any) -> Counted:
    return Counted(answer if isinstance(answer, Exception) else {"y": answer}, tensor("INT64", 7))


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (RIGHT, 200, '""'),
        (WRONG, 503, "output 'y' differs"),
        (PredictionFailed("m", 1, "no memory"), 503, "a golden request fails"),
        (ValueError("odd"), 503, "a golden request fails"),
    ],
    ids=["right", "wrong", "refused", "broken"],
)
def test_it_is_the_answer_to_the_first_golden_request(answer: Any, status: int, said: str) -> None:
    found = HealthOnDemand(catalog(counted(answer))).answer()
    assert found["statusCode"] == status
    assert said in found["body"]


def test_a_version_that_is_not_there_is_not_healthy() -> None:
    missing = ModelUnavailable("m", 1, "its file is damaged")
    found = HealthOnDemand(catalog(missing)).answer()
    assert found["statusCode"] == 503
    assert "its file is damaged" in found["body"]


def test_it_predicts_once_in_ten_seconds() -> None:
    predictor, time = counted(RIGHT), [0.0]
    health = HealthOnDemand(catalog(predictor), lambda: time[0])
    for _ in range(100):
        assert health.answer()["statusCode"] == 200
        time[0] += EVERY_S / 101
    assert predictor.calls == 1
    time[0] += EVERY_S
    health.answer()
    assert predictor.calls == 2
