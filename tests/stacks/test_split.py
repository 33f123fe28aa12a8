"""Two versions of a model that answer side by side, in the function of the model."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Template

from lading.functions.contract.settings import ServingSettings
from lading.functions.contract.split import VersionSplit
from lading.stacks.errors import StackError
from tests.stacks.option_matrix import two_versions
from tests.stacks.projects import BUCKET, DIGEST, locked, s3_copy, served_by_engine
from tests.stacks.synthesis import one_model, only, resources, statements, variables

STAGES = "stages: {dev: {models: {digits: {split: {versions: %s, key: X-User-Id}}}}}"


def labeled(entry: dict[str, Any], **labels: int) -> dict[str, Any]:
    return {**entry, "labels": {**entry["labels"], **labels}}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    lock = labeled(two_versions("digits"), canary=4)
    stages = STAGES % "{stable: 90, canary: 10}"
    return one_model(tmp_path_factory.mktemp("split"), lock, stages)


def test_one_function_serves_both_versions_and_divides_the_requests(template: Template) -> None:
    found = variables(template, "lading-dev-model-digits")
    (model,) = ServingSettings.from_environment(found).models
    assert dict(model.versions) == {3: DIGEST, 4: DIGEST}
    assert dict(model.labels) == {"stable": 3, "canary": 4}
    assert model.split == VersionSplit({3: 90, 4: 10}, "x-user-id")
    assert found["LADING_NOTE_ANSWERS"] == "true"
    function = only(template, "AWS::Lambda::Function", FunctionName="lading-dev-model-digits")
    assert len(function["Properties"]["Layers"]) == 3
    described = [it["Properties"]["Description"] for it in layers(template)]
    assert [it for it in described if "version" in it] == [
        f"Lading: model digits, version {version}" for version in (3, 4)
    ]


def layers(template: Template) -> list[dict[str, Any]]:
    found = resources(template, "AWS::Lambda::LayerVersion").values()
    return sorted(found, key=lambda it: str(it["Properties"]["Description"]))


def test_the_golden_requests_of_both_are_sent_before_traffic_shifts(template: Template) -> None:
    found = variables(template, "lading-dev-check-digits")
    assert found["LADING_GOLDEN"] == "/opt/models/digits/3/golden.json"
    function = only(template, "AWS::Lambda::Function", FunctionName="lading-dev-check-digits")
    assert len(function["Properties"]["Layers"]) == 2
    beside = json.dumps(found["LADING_GOLDEN_BESIDE"])
    assert "/opt/models/digits/4/golden.json" in beside


def test_versions_that_are_no_layers_are_read_each_by_its_own_permission(tmp_path: Path) -> None:
    lock = two_versions("digits")
    copy = s3_copy("digits", "v4", bytes=1 << 28, key="models/digits/4/artifact.zip")
    lock["versions"]["4"] = {**lock["versions"]["4"], "stores": [copy]}
    template = one_model(tmp_path, lock, STAGES % "{3: 50, 4: 50}")
    (read,) = statements(template, "s3:GetObjectVersion")
    assert f"{BUCKET}/models/digits/4/artifact.zip" in json.dumps(read["Resource"])
    assert read["Condition"] == {"StringEquals": {"s3:VersionId": "v4"}}
    (golden,) = statements(template, "s3:GetObject")
    assert copy["golden"] in json.dumps(golden["Resource"])


def test_no_permission_is_added_for_a_second_version_in_a_layer(
    template: Template, tmp_path: Path
) -> None:
    alone = one_model(tmp_path, two_versions("digits"))
    assert len(statements(template)) == len(statements(alone))


def test_two_labels_of_one_version_leave_the_function_as_it_is_without_a_split(
    tmp_path: Path,
) -> None:
    lock = labeled(two_versions("digits"), canary=3)
    for folder in ("split", "plain"):
        (tmp_path / folder).mkdir()
    split = one_model(tmp_path / "split", lock, STAGES % "{stable: 90, canary: 10}")
    plain = one_model(tmp_path / "plain", lock)
    assert split.to_json() == plain.to_json()


@pytest.mark.parametrize(
    ("versions", "reason"),
    [
        ("{stable: 90, canary: 10}", "the label 'canary', which the lock does not have; it has 3"),
        ("{3: 90, 9: 10}", "names version 9, which the lock does not have; it has 3, 4, stable"),
        ("{3: 90, 4: 20}", "the percents must add up to 100, not 110"),
        ("{3: 110, 4: -10}", "less than or equal to 100"),
        ("{}", "at least 1 item"),
    ],
)
def test_a_split_that_cannot_be_deployed_is_refused(
    tmp_path: Path, versions: str, reason: str
) -> None:
    with pytest.raises(StackError, match=reason):
        one_model(tmp_path, two_versions("digits"), STAGES % versions)


@pytest.mark.parametrize("target", ["sagemaker", "lambda-managed"])
def test_a_model_on_other_targets_has_no_split_and_the_text_says_why(
    tmp_path: Path, target: str
) -> None:
    other = served_by_engine("digits")["versions"]["3"]
    if target == "lambda-managed":
        other = locked(s3_copy("digits"), target=target)["versions"]["3"]
    lock = two_versions("digits")
    lock["versions"]["4"] = other
    reason = f"all run on Lambda itself, and the target of version 4 is {target}; remove it"
    with pytest.raises(StackError, match=reason):
        one_model(tmp_path, lock, STAGES % "{3: 50, 4: 50}")


def test_more_versions_than_lambda_accepts_layers_are_refused(tmp_path: Path) -> None:
    lock = two_versions("digits")
    (version, _) = lock["versions"].values()
    more = {str(number): version for number in range(5, 8)}
    lock = {**lock, "versions": {**lock["versions"], **more}}
    with pytest.raises(StackError, match="needs 6 layers, and Lambda accepts 5; name fewer"):
        one_model(tmp_path, lock, STAGES % "{4: 25, 5: 25, 6: 25, 7: 25}")


def test_the_version_in_the_shadow_is_none_of_those_that_answer(tmp_path: Path) -> None:
    stages = STAGES.replace("{split:", "{shadow: {version: 4}, split:") % "{3: 50, 4: 50}"
    with pytest.raises(StackError, match="`shadow` names version 4, which serves; name another"):
        one_model(tmp_path, two_versions("digits"), stages)
