"""Permissions, as the policy of a role holds them."""

from aws_cdk import App, Stack
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template

from lading.stacks.permissions import allow, bucket_arn, grant_decrypt
from lading.stacks.stages.settings import ArtifactKeys
from tests.stacks.synthesis import statements


def test_a_permission_has_its_actions_resources_and_conditions() -> None:
    stack = Stack(App(), "permissions")
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    allow(role, "s3:GetObject", "arn:a", "arn:b", conditions={"Bool": {"x": "true"}})
    (statement,) = statements(Template.from_stack(stack))
    assert (statement["Action"], statement["Resource"]) == (["s3:GetObject"], ["arn:a", "arn:b"])
    assert statement["Condition"] == {"Bool": {"x": "true"}}


def test_only_one_bucket_is_decrypted_and_with_the_key_of_one_alias_only() -> None:
    stack = Stack(App(), "decrypting")
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    grant_decrypt(role, ArtifactKeys("alias/artifacts"), "s3", bucket_arn("mine"))
    (statement,) = statements(Template.from_stack(stack), "kms:Decrypt")
    conditions = statement["Condition"]
    assert conditions["ForAnyValue:StringEquals"] == {"kms:ResourceAliases": "alias/artifacts"}
    assert "mine" in str(conditions["StringEquals"]["kms:EncryptionContext:aws:s3:arn"])


def test_a_bucket_with_a_key_of_its_own_is_decrypted_with_that_key_too() -> None:
    stack = Stack(App(), "foreign")
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    key = "arn:aws:kms:eu-central-1:000000000000:key/theirs"
    grant_decrypt(role, ArtifactKeys("alias/artifacts", (key,)), "s3", bucket_arn("mine"))
    _, statement = statements(Template.from_stack(stack), "kms:Decrypt")
    assert statement["Resource"] == key
    bucket, objects = statement["Condition"]["StringLike"]["kms:EncryptionContext:aws:s3:arn"]
    assert "mine" in str(bucket)
    assert "mine/*" in str(objects)
