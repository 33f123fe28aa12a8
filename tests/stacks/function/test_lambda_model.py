import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from aws_cdk.assertions import Template

from lading.functions.contract.limits import LAMBDA
from tests.stacks.policies import ACCOUNT, Resolved
from tests.stacks.projects import local_artifact, locked, s3_copy
from tests.stacks.synthesis import one_model, only, resources, statements

FUNCTION = {"FunctionName": "lading-dev-model-digits"}


@pytest.fixture(scope="module")
def layered(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A model in S3 that fits in a layer."""
    return one_model(tmp_path_factory.mktemp("layered"), locked(s3_copy("digits")))


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A model in S3 that is too big for one."""
    entry = locked(s3_copy("digits", bytes=LAMBDA.artifact_bytes + 1))
    return one_model(tmp_path_factory.mktemp("remote"), entry)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A model in a folder."""
    folder = tmp_path_factory.mktemp("local")
    return one_model(folder, local_artifact(folder, "digits"))


def environment(template: Template) -> Mapping[str, str]:
    function = only(template, "AWS::Lambda::Function", **FUNCTION)
    return dict(function["Properties"]["Environment"]["Variables"])


def test_the_artifact_is_a_layer_at_its_very_version(layered: Template) -> None:
    layered.has_resource_properties(
        "AWS::Lambda::LayerVersion",
        {
            "Content": {
                "S3Bucket": "artifacts-of-dev",
                "S3Key": "models/digits/3/artifact.zip",
                "S3ObjectVersion": "v1",
            }
        },
    )


def test_only_a_model_with_processing_steps_has_the_layer_of_their_libraries(
    layered: Template, tmp_path: Path
) -> None:
    stepped = one_model(tmp_path, locked(s3_copy("digits"), processing=["pillow"]))
    layers = {
        each["Properties"]["Description"]
        for each in resources(stepped, "AWS::Lambda::LayerVersion").values()
    }
    assert "Lading: pillow, for models that need it" in layers
    assert len(only(stepped, "AWS::Lambda::Function", **FUNCTION)["Properties"]["Layers"]) == 3
    assert len(only(layered, "AWS::Lambda::Function", **FUNCTION)["Properties"]["Layers"]) == 2


def test_a_class_of_ones_own_has_one_layer_of_the_packages_that_its_function_lacks(
    layered: Template, tmp_path: Path
) -> None:
    requirements = ["sortedcontainers==2.4.0", "toolz==1.0.0"]
    own = one_model(tmp_path, locked(s3_copy("digits"), requirements=requirements))
    described = {"Description": "Lading: packages of the model digits"}
    assert only(own, "AWS::Lambda::LayerVersion", **described)
    assert len(only(own, "AWS::Lambda::Function", **FUNCTION)["Properties"]["Layers"]) == 3


def test_another_s3_version_in_the_lock_is_another_published_version(
    layered: Template, tmp_path: Path
) -> None:
    changed = one_model(tmp_path, locked(s3_copy("digits", "v2")))
    published = [set(resources(it, "AWS::Lambda::Version")) for it in (layered, changed)]
    targets = [
        only(it, "AWS::Lambda::Alias")["Properties"]["FunctionVersion"]["Fn::GetAtt"][0]
        for it in (layered, changed)
    ]
    assert published[0].isdisjoint(published[1])
    assert [{target} for target in targets] == published


def test_the_function_serves_the_stable_version_alone(layered: Template) -> None:
    served = json.loads(environment(layered)["LADING_MODELS"])
    assert served == {"digits": {"versions": {"3": f"sha256:{'5' * 64}"}, "labels": {"stable": 3}}}
    assert environment(layered)["LADING_MODEL_ROOT"] == "/opt"


def test_a_model_in_a_layer_reads_nothing_from_s3(layered: Template, local: Template) -> None:
    for template in (layered, local):
        actions = {action for statement in statements(template) for action in statement["Action"]}
        assert not any(action.startswith(("s3:", "kms:")) for action in actions)


def test_a_model_too_big_for_a_layer_may_read_its_own_object_at_its_own_version(
    remote: Template,
) -> None:
    allowed = statements(remote, "s3:GetObjectVersion")
    key = "models/digits/3/artifact.zip"
    assert [it["Resource"] for it in allowed] == [
        {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, f":s3:::artifacts-of-dev/{key}"]]}
    ]
    assert allowed[0]["Condition"] == {"StringEquals": {"s3:VersionId": "v1"}}
    decrypt = statements(remote, "kms:Decrypt")
    asked = {"kms:ResourceAliases": "alias/lading-dev-artifacts"}
    assert all(it["Condition"]["ForAnyValue:StringEquals"] == asked for it in decrypt)
    served = json.loads(Resolved(remote.to_json()).value(environment(remote)["LADING_MODELS"]))
    place = {"bucket": "artifacts-of-dev", "key": key, "version_id": "v1", "owner": ACCOUNT}
    assert served["digits"]["s3"] == {"3": place}
    assert len(only(remote, "AWS::Lambda::Function", **FUNCTION)["Properties"]["Layers"]) == 1
