"""What a target means is remembered; which model that is, is not."""

from pathlib import Path

import pytest

from lading.functions.contract.errors import ModelNotFound
from lading.functions.inference.entry.short.known_routes import MOST_ROUTES, KnownRoutes
from lading.functions.inference.loading.catalog import Catalog, load_catalog
from tests.support.worlds import echo, settings_for


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return load_catalog(settings_for(tmp_path, {"m": {1: echo()}}))


@pytest.mark.parametrize(
    ("path", "dialect", "parameters", "base"),
    [
        ("/predict/m", "plain", {"model": "m"}, ""),
        ("/m/predict", "plain", {}, "m"),
        ("/v2/models/m/versions/1/infer", "open_inference", {"model": "m", "version": "1"}, ""),
        ("/v1/models/m:predict", "tensorflow_serving", {"model": "m"}, ""),
        ("/m/invocations", "sagemaker", {}, "m"),
    ],
)
def test_a_path_that_has_answered_is_found(
    catalog: Catalog, path: str, dialect: str, parameters: dict[str, str], base: str
) -> None:
    routes = KnownRoutes(catalog)
    assert routes.find(path.encode()) is None
    routes.learn(path)
    found = routes.find(path.encode())
    assert found is not None
    route, served = found
    assert (route.dialect.name, route.parameters, route.base) == (dialect, parameters, base)
    assert served is (catalog.below()["m"] if base else catalog)


@pytest.mark.parametrize(
    "path", ["/predict/m/", "//predict/m", "/predict/%6d", "/predict/\u00e4", "/v1/embeddings"]
)
def test_other_spellings_and_operations_that_may_wait_are_not_remembered(
    catalog: Catalog, path: str
) -> None:
    routes = KnownRoutes(catalog)
    routes.learn(path)
    assert routes.find(path.encode()) is None


def test_a_model_that_is_gone_has_no_routes_below_its_base(catalog: Catalog) -> None:
    routes = KnownRoutes(catalog)
    routes.learn("/m/predict")
    catalog.drop("m")
    assert routes.find(b"/m/predict") is None
    with pytest.raises(ModelNotFound):
        catalog.model("m")


def test_the_oldest_gives_way_once_there_is_no_room(catalog: Catalog) -> None:
    routes = KnownRoutes(catalog)
    for number in range(MOST_ROUTES + 1):
        routes.learn(f"/predict/m{number}")
    assert routes.find(b"/predict/m0") is None
    assert routes.find(b"/predict/m1") is not None
    assert routes.find(f"/predict/m{MOST_ROUTES}".encode()) is not None
