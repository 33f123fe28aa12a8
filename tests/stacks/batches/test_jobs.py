"""Batches of a model at an endpoint: what the command reads, and what its role may do."""

import json
from pathlib import Path

import pytest
from aws_cdk.assertions import Template

from lading.batch.job_requests import DeployedEngine
from lading.stacks.stages.batch import BUCKET_OUTPUT, ENGINE_OUTPUT
from tests.stacks.policies import Resolved
from tests.stacks.projects import IMAGE, served_by_engine
from tests.stacks.synthesis import one_model, resources, statements

STAGES = """
stages:
  dev:
    regions: [eu-central-1]
    models:
      digits:
        sagemaker: {instances: [ml.g6.xlarge]}
        batch: {instance: ml.g5.xlarge, instance_count: 2, keep_days: 7}
"""


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Template:
    folder = tmp_path_factory.mktemp("jobs")
    return one_model(folder, served_by_engine("digits"), STAGES)


def test_the_command_reads_what_is_deployed(deployed: Template) -> None:
    found = deployed.to_json()
    said = Resolved(found).value(found["Outputs"][ENGINE_OUTPUT]["Value"])
    engine = DeployedEngine(**json.loads(said))
    assert (engine.version, engine.image, engine.instance, engine.count) == (
        3,
        IMAGE,
        "ml.g5.xlarge",
        2,
    )
    assert engine.gpu
    assert engine.files == f"s3://artifacts-of-dev/models/digits/sha256/{'e' * 64}/"
    assert engine.environment == {"SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": "model"}
    assert engine.isolated
    assert engine.volume_key == ""  # ml.g5 has disks of its own, which accept no key
    assert engine.model == ""  # Batch Transform accepts no folder of files
    assert engine.role


def test_an_archive_is_a_model_of_batch_transform(tmp_path: Path) -> None:
    template = one_model(tmp_path, served_by_engine("digits", archive=True), STAGES)
    found = template.to_json()
    said = json.loads(Resolved(found).value(found["Outputs"][ENGINE_OUTPUT]["Value"]))
    models = resources(template, "AWS::SageMaker::Model")
    (logical_id,) = (key for key in models if "ModelDataUrl" in str(models[key]))
    container = models[logical_id]["Properties"]["PrimaryContainer"]
    archive = f"s3://artifacts-of-dev/models/digits/sha256/{'e' * 64}/model.tar.gz"
    assert container["ModelDataUrl"] == said["files"] == archive
    assert logical_id in said["model"]


def test_the_endpoints_role_reads_and_writes_the_batches_bucket_alone(deployed: Template) -> None:
    found = deployed.to_json()
    bucket = found["Outputs"][BUCKET_OUTPUT]["Value"]["Ref"]
    writes = [each for each in statements(deployed, "s3:PutObject") if bucket in json.dumps(each)]
    assert [each["Action"] for each in writes] == [["s3:GetObject", "s3:PutObject"]]
    lifecycle = resources(deployed, "AWS::S3::Bucket")[bucket]["Properties"]
    assert lifecycle["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == 7
    assert not resources(deployed, "AWS::StepFunctions::StateMachine")
