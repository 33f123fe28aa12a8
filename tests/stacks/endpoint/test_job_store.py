"""Where the jobs of a model lie, and who may touch them."""

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Template

from lading.stacks.endpoint.job_store import JobStoreResources
from tests.stacks.endpoints import endpoint_template
from tests.stacks.synthesis import only, resources, statements

TABLE, BUCKET = "AWS::DynamoDB::Table", "AWS::S3::Bucket"


@pytest.fixture(scope="module")
def template() -> Template:
    stack = Stack(App(), "jobs")
    role = iam.Role(stack, "Proxy", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    JobStoreResources(stack, "Jobs", days=5, key=kms.Key(stack, "Key")).grant_use(role)
    return Template.from_stack(stack)


def test_bodies_are_encrypted_private_and_forgotten(template: Template) -> None:
    bucket = only(template, BUCKET)
    (rule,) = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    assert (rule["ExpirationInDays"], rule["Status"]) == (5, "Enabled")
    assert all(bucket["Properties"]["PublicAccessBlockConfiguration"].values())
    assert "aws:kms" in str(bucket["Properties"]["BucketEncryption"])
    assert bucket["DeletionPolicy"] == "Retain"


def test_states_and_keys_end_by_themselves(template: Template) -> None:
    tables = resources(template, TABLE).values()
    assert len(tables) == 2
    for table in tables:
        properties = table["Properties"]
        assert properties["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
        ends = properties["TimeToLiveSpecification"]
        assert ends == {"AttributeName": "expiration", "Enabled": True}
        assert properties["SSESpecification"]["SSEType"] == "KMS"


def test_the_proxy_reads_and_writes_entries_and_no_table_as_a_whole(template: Template) -> None:
    allowed = {action for each in statements(template) for action in each["Action"]}
    assert allowed == {
        *("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
        *("s3:GetObject", "s3:ListBucket", "s3:PutObject", "kms:Decrypt", "kms:GenerateDataKey"),
    }


def test_sagemaker_reads_bodies_and_writes_answers_and_nothing_else() -> None:
    queued = endpoint_template(mode="async")
    reads = [it for it in statements(queued, "s3:GetObject") if "/inputs/*" in str(it["Resource"])]
    assert len(reads) == 1
    (writes,) = statements(queued, "s3:PutObject")
    assert [it["Fn::Join"][1][-1] for it in writes["Resource"]] == ["/results/*", "/failures/*"]
    assert len(statements(queued, "sns:Publish")) == 1
