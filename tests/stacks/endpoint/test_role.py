import json

import pytest
from aws_cdk.assertions import Template

from tests.stacks.endpoints import endpoint_template
from tests.stacks.synthesis import statements

POOLS = ["ml.g5.xlarge", "ml.g6.xlarge"]


TWO = {"min": 2, "max": 4}


@pytest.fixture(scope="module")
def steady() -> Template:
    return endpoint_template(alarms=("rings",), count=TWO, instances=POOLS)


@pytest.fixture(scope="module")
def sleeping() -> Template:
    component = {"accelerators": 4, "cpus": 8.0, "memory_mb": 65536}
    return endpoint_template(
        alarms=("rings",), mode="scale_to_zero", count={"max": 3}, component=component
    )


@pytest.fixture(scope="module")
def queued() -> Template:
    return endpoint_template(mode="async", count={"max": 3}, queue={"concurrency": 8})


def test_the_role_reads_its_own_prefix_and_pulls_its_own_image(steady: Template) -> None:
    (read,) = statements(steady, "s3:GetObject")
    assert json.dumps(read["Resource"]).endswith(f'models/chat/sha256/{"e" * 64}/*"]]}}')
    (listed,) = statements(steady, "s3:ListBucket")
    prefix = f"models/chat/sha256/{'e' * 64}/*"
    assert listed["Condition"] == {"StringLike": {"s3:prefix": prefix}}
    (pulled,) = statements(steady, "ecr:BatchGetImage")
    assert "repository/sagemaker-tritonserver" in json.dumps(pulled["Resource"])
    assert not statements(steady, "s3:PutObject")


def test_no_role_may_do_anything_everywhere(
    steady: Template, sleeping: Template, queued: Template
) -> None:
    everywhere = {
        "cloudwatch:DescribeAlarms",
        "cloudwatch:PutMetricData",
        "ecr:GetAuthorizationToken",
    }
    for template in (steady, sleeping, queued):
        for statement in statements(template):
            assert not any("*" in action for action in statement["Action"])
            if statement["Resource"] == "*":
                assert set(statement["Action"]) <= everywhere
