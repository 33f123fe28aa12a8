"""Which endpoints are made of what the lock says, and what is refused before any stack is."""

from pathlib import Path
from typing import Any

import pytest

from lading.stacks.errors import PlanError
from lading.stacks.plan.endpoints import EmulatedEndpoint, EngineData, PlannedEndpoint
from lading.stacks.plan.models import RegionPlan, S3Artifact, plan_models
from lading.stacks.stages.settings import Deployment, ModelSettings, Names, StageSettings
from tests.stacks.projects import AMI, IMAGE, local_artifact, locked, s3_copy, served_by_engine
from tests.stacks.projects import write_project as write

REGION = "eu-central-1"
EAST = IMAGE.replace(REGION, "us-east-1")
PREFIX = f"models/chat/sha256/{'e' * 64}/"


def plan(
    folder: Path,
    entry: dict[str, Any],
    region: str | None = REGION,
    *,
    local: bool = False,
    instances: tuple[str, ...] = ("ml.g5.xlarge",),
) -> RegionPlan:
    write(folder, {"chat": entry}, chat={"target": "sagemaker"})
    settings = ModelSettings.model_validate({"sagemaker": {"instances": instances}})
    stage = Deployment(Names("lading", "dev"), StageSettings(defaults=settings), local=local)
    return plan_models(folder / "models.yaml", folder / "models.lock.json", stage, region)


def test_an_endpoint_has_the_image_of_its_region_and_the_files_that_the_lock_pins(
    tmp_path: Path,
) -> None:
    (model,) = plan(tmp_path, served_by_engine("chat")).models
    assert model.endpoint == PlannedEndpoint(
        engine="triton",
        image=IMAGE,
        files=EngineData("artifacts-of-dev", PREFIX),
        environment={"SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": "model"},
        ami=AMI,
    )
    assert isinstance(model.artifact, S3Artifact)
    assert model.artifact.layer


def test_an_endpoint_has_the_ami_that_the_lock_has_for_its_image(tmp_path: Path) -> None:
    entry = served_by_engine("chat", amis={REGION: "gpu-4-1", "us-east-1": "gpu-3-1"})
    (model,) = plan(tmp_path, entry).models
    assert isinstance(model.endpoint, PlannedEndpoint)
    assert model.endpoint.ami == "gpu-4-1"


def test_a_model_on_lambda_has_no_endpoint(tmp_path: Path) -> None:
    write(tmp_path, {"digits": locked(s3_copy("digits"))})
    files = tmp_path / "models.yaml", tmp_path / "models.lock.json"
    (model,) = plan_models(*files, Deployment(Names("lading", "dev")), REGION).models
    assert model.endpoint is None


@pytest.mark.parametrize(
    ("entry", "region", "told"),
    [
        (
            served_by_engine("chat"),
            "eu-west-1",
            "for eu-central-1, us-east-1, but not for eu-west-1",
        ),
        (served_by_engine("chat", images={}), REGION, "for no region, but not for eu-central-1"),
        (
            served_by_engine("chat", images={REGION: "nvcr.io/x:1"}),
            REGION,
            "must be in a private repository",
        ),
        (served_by_engine("chat", images={REGION: EAST}), REGION, "is in us-east-1; copy it"),
        (served_by_engine("chat"), None, "write it to stages.dev.regions"),
        (served_by_engine("chat", s3_copy("chat")), REGION, "run `lading push --store s3://...`"),
    ],
)
def test_what_sagemaker_could_not_run_is_refused(
    tmp_path: Path, entry: dict[str, Any], region: str | None, told: str
) -> None:
    with pytest.raises(PlanError, match="model 'chat', version 3") as refused:
        plan(tmp_path, entry, region)
    assert told in str(refused.value)


def test_an_endpoint_without_a_machine_is_refused_with_the_key_to_write(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"stages\.dev\.models\.chat\.sagemaker\.instances"):
        plan(tmp_path, served_by_engine("chat"), instances=())


def engine_artifact(folder: Path) -> dict[str, Any]:
    entry = local_artifact(folder, "chat")
    served = served_by_engine("chat")["versions"]["3"]
    entry["versions"]["3"].update(target="sagemaker", engine=served["engine"])
    return entry


def test_an_artifact_on_this_machine_alone_cannot_go_to_sagemaker(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="SageMaker reads the files of its engine from S3"):
        plan(tmp_path, engine_artifact(tmp_path))


def test_an_emulated_cloud_needs_neither_s3_nor_region_nor_machine(tmp_path: Path) -> None:
    (model,) = plan(tmp_path, engine_artifact(tmp_path), None, local=True, instances=()).models
    assert model.endpoint == EmulatedEndpoint("triton")


def test_a_twin_that_is_not_packaged_is_refused(tmp_path: Path) -> None:
    lock = {"chat": served_by_engine("chat")}
    write(tmp_path, lock)
    manifest = tmp_path / "models.yaml"
    manifest.write_text(
        "models:\n  chat: {source: chat.onnx, target: sagemaker, twin: small}\n"
        "  small: {source: small.onnx}\n"
    )
    settings = ModelSettings.model_validate({"sagemaker": {"instances": ["ml.g5.xlarge"]}})
    stage = Deployment(Names("lading", "dev"), StageSettings(defaults=settings))
    with pytest.raises(PlanError, match="its twin 'small' is not deployed: it is not packaged"):
        plan_models(manifest, tmp_path / "models.lock.json", stage, REGION)
