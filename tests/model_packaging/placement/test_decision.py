import json

import pytest

from lading.functions.contract.limits import MEGABYTE
from lading.model_packaging.placement.decision import fitting
from lading.model_packaging.placement.needs import GIGABYTE, Needs
from lading.model_packaging.placement.prices import read_prices
from lading.model_packaging.placement.targets import DoesNotFit

SMALL = Needs("m", 20 * MEGABYTE, True, 200 * MEGABYTE, 10.0, 5_000)
CHAT = Needs("chat", 15 * GIGABYTE, converted=False)


def test_auto_says_what_it_chose_and_from_what() -> None:
    decision, outcome = fitting("auto", SMALL)
    document = json.loads(json.dumps(decision.to_json()))
    assert (document["target"], document["wanted"]) == ("lambda", "auto")
    assert outcome == f"lambda with 1769 MB, {document['why']}"
    targets = [option["target"] for option in document["options"]]
    assert targets == ["lambda", "lambda-managed", "sagemaker"]
    assert document["prices"]["as_of"] == read_prices().as_of.isoformat()


def test_a_target_of_the_manifest_is_kept_beside_cheaper_ones() -> None:
    decision, outcome = fitting("sagemaker", SMALL)
    assert decision.target == "sagemaker"
    assert outcome == "sagemaker as in the manifest, ml.g4dn.xlarge"
    assert decision.to_json()["options"][0]["target"] == "lambda"


def test_each_target_that_cannot_serve_it_has_its_reason() -> None:
    document = fitting("auto", CHAT)[0].to_json()
    assert document["target"] == "sagemaker"
    assert set(document["refused"]) == {"lambda", "lambda-managed"}
    with pytest.raises(DoesNotFit):
        fitting("lambda", CHAT)
