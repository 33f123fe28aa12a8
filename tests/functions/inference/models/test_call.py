"""A routed call finds its model."""

from collections.abc import Mapping

import pytest

from lading.functions.contract.errors import MalformedRequest, ModelNotFound, ModelUnavailable
from lading.functions.inference.loading.catalog import Catalog, CatalogModel
from lading.functions.inference.models.call import Call
from lading.functions.inference.wire.messages import Observation, Request


def call(parameters: Mapping[str, str], *names: str) -> Call:
    models = {name: CatalogModel(name, {7: ModelUnavailable(name, 7, "broken")}) for name in names}
    request = Request("GET", "/", {}, b"")
    return Call(request, Catalog(models), parameters, Observation())


def test_the_model_in_the_path_is_meant() -> None:
    found = call({"model": "b"}, "a", "b")
    assert found.find_version() == ("b", 7)
    assert (found.observation.model, found.observation.version) == ("b", 7)


def test_the_only_model_need_not_be_named() -> None:
    assert call({}, "a").model_name() == "a"
    for names in ((), ("a", "b")):
        with pytest.raises(MalformedRequest, match="name one of the models"):
            call({}, *names).model_name()


def test_a_name_that_is_not_served_is_not_observed() -> None:
    lost = call({"model": "z"}, "a")
    with pytest.raises(ModelNotFound):
        lost.model()
    assert not lost.observation.model


@pytest.mark.parametrize(
    "version", ["x", "-1", "+1", "1.0", " 1", "1_0", "\u0661", "\u00b2", "9" * 19, "9" * 5000]
)
def test_a_version_that_is_no_number_is_malformed(version: str) -> None:
    with pytest.raises(MalformedRequest, match="use /labels/stable for labels") as caught:
        call({"model": "a", "version": version}, "a").find_version()
    assert len(str(caught.value)) < 200


def test_an_unavailable_model_is_refused_where_it_is_used() -> None:
    with pytest.raises(ModelUnavailable, match="broken"):
        call({}, "a").predictor()
