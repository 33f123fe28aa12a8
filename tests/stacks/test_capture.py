"""The bucket of captured requests, in a model's stack."""

from pathlib import Path

import pytest
from aws_cdk.assertions import Template

from lading.stacks.errors import StackError
from tests.stacks.projects import locked, s3_copy
from tests.stacks.synthesis import one_model, only, statements, variables

FUNCTION = "lading-dev-model-digits"
KEY = "arn:aws:kms:eu-central-1:000000000000:key/0a1b2c3d-0000-4000-8000-000000000000"
STAGES = "stages: {dev: {models: {digits: {capture: %s}}}}"


def stack(folder: Path, capture: str) -> Template:
    return one_model(folder, locked(s3_copy("digits")), STAGES % capture)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    capture = "{fields: [pixels, 'x[3]'], share: 0.25, days: 7, feedback: true, key: '%s'}"
    return stack(tmp_path_factory.mktemp("capture"), capture % KEY)


def resources(template: Template, action: str) -> str:
    return " ".join(str(it["Resource"]) for it in statements(template, action))


def test_captured_requests_are_private_encrypted_and_deleted_in_time(template: Template) -> None:
    bucket = only(template, "AWS::S3::Bucket")["Properties"]
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
    assert rule == {"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": default}
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    (lifecycle,) = bucket["LifecycleConfiguration"]["Rules"]
    assert (lifecycle["ExpirationInDays"], lifecycle["Status"]) == (7, "Enabled")
    policy = only(template, "AWS::S3::BucketPolicy")["Properties"]["PolicyDocument"]["Statement"]
    denied = [it["Condition"] for it in policy if it["Effect"] == "Deny"]
    assert {"Bool": {"aws:SecureTransport": "false"}} in denied


def test_the_function_knows_what_to_keep_and_whose_the_bucket_is(template: Template) -> None:
    found = variables(template, FUNCTION)
    assert found["LADING_CAPTURE"] == {"Fn::Join": ["", ["s3://", {"Ref": bucket_id(template)}]]}
    stated = {name: found[f"LADING_{name}"] for name in ("CAPTURE_SHARE", "CAPTURE_FIELDS")}
    assert stated == {"CAPTURE_SHARE": "0.25", "CAPTURE_FIELDS": "pixels,x[3]"}
    assert (found["LADING_CAPTURE_KEY"], found["LADING_FEEDBACK"]) == (KEY, "true")
    assert found["LADING_CAPTURE_OWNER"] == {"Ref": "AWS::AccountId"}


def bucket_id(template: Template) -> str:
    (found,) = template.find_resources("AWS::S3::Bucket")
    return str(found)


def test_a_function_that_accepts_no_truths_can_read_nothing(tmp_path: Path) -> None:
    found = stack(tmp_path, "{fields: all}")
    assert "captured/*" in resources(found, "s3:PutObject")
    assert "feedback/*" not in resources(found, "s3:PutObject")
    assert statements(found, "s3:GetObject") == []
    assert statements(found, "kms:Decrypt") == []
    assert "LADING_FEEDBACK" not in variables(found, FUNCTION)
    bucket = only(found, "AWS::S3::Bucket")["Properties"]
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_nothing_is_captured_by_default(tmp_path: Path) -> None:
    found = one_model(tmp_path, locked(s3_copy("digits")), "stages: {dev: {}}")
    assert "LADING_CAPTURE" not in variables(found, FUNCTION)
    found.resource_count_is("AWS::S3::Bucket", 0)


@pytest.mark.parametrize(
    "capture",
    [
        "{}",
        "{fields: all, share: 0}",
        "{fields: []}",
        "{fields: all, share: 2}",
        "{fields: ['a,b']}",
        "{fields: x}",
    ],
)
def test_a_wrong_setting_is_refused(tmp_path: Path, capture: str) -> None:
    with pytest.raises(StackError, match=r"models\.digits\.capture"):
        stack(tmp_path, capture)
