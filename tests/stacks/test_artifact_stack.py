"""What outlives every deployment."""

import json

import pytest
from aws_cdk.assertions import Match, Template

from tests.stacks.projects import write_project
from tests.stacks.synthesis import only, resources, synthesise


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Of a clone that has no lock yet."""
    folder = tmp_path_factory.mktemp("clone")
    write_project(folder, None)
    (region,) = synthesise(folder)
    assert region.models == ()
    return Template.from_stack(region.artifacts)


def test_the_artifacts_are_versioned_encrypted_and_private(template: Template) -> None:
    template.has_resource_properties(
        "AWS::S3::Bucket",
        {
            "VersioningConfiguration": {"Status": "Enabled"},
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {
                        "BucketKeyEnabled": True,
                        "ServerSideEncryptionByDefault": Match.object_like(
                            {"SSEAlgorithm": "aws:kms"}
                        ),
                    }
                ]
            },
            "LoggingConfiguration": Match.object_like({}),
        },
    )
    for bucket in resources(template, "AWS::S3::Bucket").values():
        assert all(bucket["Properties"]["PublicAccessBlockConfiguration"].values())


def test_the_key_rotates(template: Template) -> None:
    assert only(template, "AWS::KMS::Key")["Properties"]["EnableKeyRotation"]
    alias = only(template, "AWS::KMS::Alias")["Properties"]["AliasName"]
    assert alias == "alias/lading-dev-artifacts"


def test_nothing_is_read_without_tls(template: Template) -> None:
    for policy in resources(template, "AWS::S3::BucketPolicy").values():
        denied = [
            json.dumps(statement["Condition"])
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Deny"
        ]
        assert any('"aws:SecureTransport": "false"' in condition for condition in denied)


def test_no_object_is_ever_overwritten(template: Template) -> None:
    statement = {
        "Effect": "Deny",
        "Action": "s3:PutObject",
        "Principal": {"AWS": "*"},
        "Condition": {
            "Null": {"s3:if-none-match": "true"},
            "Bool": {"s3:ObjectCreationOperation": "true"},
        },
    }
    template.has_resource_properties(
        "AWS::S3::BucketPolicy",
        {"PolicyDocument": {"Statement": Match.array_with([Match.object_like(statement)])}},
    )


def test_the_life_cycle_deletes_only_what_is_not_current(template: Template) -> None:
    artifacts = only(template, "AWS::S3::Bucket", VersioningConfiguration={"Status": "Enabled"})
    rules = artifacts["Properties"]["LifecycleConfiguration"]["Rules"]
    assert not any("ExpirationInDays" in rule or "ExpirationDate" in rule for rule in rules)
    assert {"NoncurrentDays": 90} in [rule.get("NoncurrentVersionExpiration") for rule in rules]


def test_tokens_lie_encrypted_and_can_be_restored(template: Template) -> None:
    table = only(template, "AWS::DynamoDB::Table")["Properties"]
    assert table["TableName"] == "lading-dev-tokens"
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"]["SSEType"] == "KMS"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}


def test_everything_stays_when_the_stack_goes(template: Template) -> None:
    for kind in ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::DynamoDB::Table"):
        for resource in resources(template, kind).values():
            assert resource["DeletionPolicy"] == "Retain"


def test_the_buckets_name_is_an_output(template: Template) -> None:
    assert set(template.find_outputs("*")) == {"ArtifactBucketName"}
