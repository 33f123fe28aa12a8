"""Which version is deployed from where, and what is refused before any stack is made."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lading.functions.contract.limits import LAMBDA
from lading.functions.contract.names import S3Object
from lading.stacks.errors import PlanError, SettingsError, StackError
from lading.stacks.plan.models import LocalArtifact, RegionPlan, S3Artifact, plan_models
from lading.stacks.stages.concurrency import ProvisionedConcurrency
from lading.stacks.stages.domain import CustomDomain
from lading.stacks.stages.settings import Deployment, ModelSettings, Names, StageSettings
from lading.stacks.stages.split import SplitSettings
from tests.stacks.projects import local_artifact, locked, s3_copy, write_project

LOCAL = {"kind": "local", "path": "store"}


def plan(
    folder: Path,
    entry: dict[str, Any],
    region: str | None = None,
    *,
    local: bool = False,
    **settings: Any,
) -> RegionPlan:
    write_project(folder, {"digits": entry})
    stage = Deployment(Names("lading", "dev"), StageSettings(**settings), local=local)
    return plan_models(folder / "models.yaml", folder / "models.lock.json", stage, region)


def artifact(plan: RegionPlan) -> LocalArtifact | S3Artifact:
    return plan.models[0].artifact


def test_the_stable_version_is_served_from_where_the_lock_says(tmp_path: Path) -> None:
    (model,) = plan(tmp_path, locked(s3_copy("digits"))).models
    assert (model.name, model.version) == ("digits", 3)
    archive = S3Object("artifacts-of-dev", "models/digits/3/artifact.zip", "v1")
    assert model.artifact == S3Artifact(archive, s3_copy("digits")["golden"], 1 << 20)


def test_a_local_artifact_is_taken_when_there_is_no_other(tmp_path: Path) -> None:
    found = artifact(plan(tmp_path, local_artifact(tmp_path, "digits")))
    assert isinstance(found, LocalArtifact)
    assert found.folder == tmp_path / "store/models/digits/3"
    assert set(found.digests) == {"artifact.json", "golden.json", "model.onnx"}


def test_s3_comes_before_a_local_copy_except_for_an_emulated_cloud(tmp_path: Path) -> None:
    entry = local_artifact(tmp_path, "digits")
    entry["versions"]["3"]["stores"].append(s3_copy("digits"))
    assert isinstance(artifact(plan(tmp_path, entry)), S3Artifact)
    assert isinstance(artifact(plan(tmp_path, entry, local=True)), LocalArtifact)


def test_each_region_takes_the_artifact_of_its_own_bucket(tmp_path: Path) -> None:
    entry = locked(s3_copy("digits"), s3_copy("digits", "v2", bucket="artifacts-of-prod"))
    buckets = {"eu-central-1": "artifacts-of-prod", "us-east-1": "artifacts-of-dev"}
    for region, bucket in buckets.items():
        asked = plan(tmp_path, entry, region, regions=tuple(buckets), artifact_buckets=buckets)
        found = artifact(asked)
        assert isinstance(found, S3Artifact)
        assert found.archive.bucket == bucket


def test_a_model_too_big_for_a_layer_is_read_from_s3(tmp_path: Path) -> None:
    fits = artifact(plan(tmp_path, locked(s3_copy("digits", bytes=LAMBDA.artifact_bytes))))
    big = artifact(plan(tmp_path, locked(s3_copy("digits", bytes=LAMBDA.artifact_bytes + 1))))
    assert isinstance(fits, S3Artifact)
    assert isinstance(big, S3Artifact)
    assert (fits.layer, big.layer) == (True, False)


def test_a_model_that_is_not_packaged_waits_and_says_why(tmp_path: Path) -> None:
    write_project(tmp_path, None)
    stage = Deployment(Names("lading", "dev"))
    files = tmp_path / "models.yaml", tmp_path / "models.lock.json"
    found = plan_models(*files, stage, None)
    assert found.models == ()
    assert found.waiting == {"digits": "it is not packaged yet; run `lading package digits`"}


def test_a_model_without_a_stable_version_waits(tmp_path: Path) -> None:
    entry = {**locked(s3_copy("digits")), "labels": {"canary": 3}}
    assert plan(tmp_path, entry).waiting == {"digits": "no version of it has the label 'stable'"}


@pytest.mark.parametrize(
    ("copies", "settings", "told"),
    [
        ([LOCAL], {}, "model 'digits', version 3: "),
        (
            [s3_copy("digits"), s3_copy("digits", bucket="other")],
            {},
            "the lock names S3 (artifacts-of-dev, other), and a function reads artifacts only",
        ),
        (
            [s3_copy("digits")],
            {"regions": ("eu-central-1", "us-east-1")},
            "write its bucket to stages.dev.artifact_buckets.eu-central-1 in stages.yaml",
        ),
        (
            [s3_copy("digits")],
            {"artifact_buckets": {"eu-central-1": "mine"}},
            "the lock has no copy in mine; run `lading push --store s3://mine`",
        ),
    ],
)
def test_what_cannot_be_deployed_is_said_with_what_to_do(
    tmp_path: Path, copies: list[dict[str, Any]], settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(PlanError, match=re.escape(told)):
        plan(tmp_path, locked(*copies), "eu-central-1", **settings)


def test_a_model_that_runs_code_of_your_own_is_refused_on_aws(tmp_path: Path) -> None:
    entry = locked(s3_copy("digits"))
    entry["versions"]["3"]["target"] = "container"
    with pytest.raises(PlanError, match=r"version 3: it runs your code, .*`lading serve`"):
        plan(tmp_path, entry)


def test_versions_of_a_split_share_the_layer_of_their_packages(tmp_path: Path) -> None:
    entry = locked(s3_copy("digits"), requirements=["six==1.17.0"])
    other = locked(s3_copy("digits"), requirements=["six==1.17.0", "toolz==1.0.0"])
    entry["versions"]["4"] = other["versions"]["3"]
    entry["labels"]["candidate"] = 4
    split = {
        "digits": ModelSettings(
            split=SplitSettings(versions={"stable": 90, "candidate": 10}, key="X-User")
        )
    }
    (model,) = plan(tmp_path, entry, models=split).models
    assert model.requirements == ("six==1.17.0", "toolz==1.0.0")


def test_the_advice_for_two_buckets_without_a_region_leads_to_a_plan(tmp_path: Path) -> None:
    entry = locked(s3_copy("digits"), s3_copy("digits", bucket="other"))
    with pytest.raises(PlanError) as refused:
        plan(tmp_path, entry)
    assert "write the region to stages.dev.regions, and its bucket to" in str(refused.value)
    stated: dict[str, Any] = {
        "regions": ("eu-central-1",),
        "artifact_buckets": {"eu-central-1": "other"},
    }
    (model,) = plan(tmp_path, entry, "eu-central-1", **stated).models
    assert isinstance(model.artifact, S3Artifact)
    assert model.artifact.archive.bucket == "other"


@pytest.mark.parametrize(("base_path", "what"), [("digits", "a model"), ("v1", "a path of a")])
def test_a_base_path_that_starts_a_path_of_the_api_is_refused(
    tmp_path: Path, base_path: str, what: str
) -> None:
    domain = CustomDomain(
        name="ml.example.com",
        certificate_arn="arn:aws:acm:eu-central-1:1:certificate/1",
        base_path=base_path,
    )
    with pytest.raises(SettingsError, match=f"'{base_path}' is also the name of {what}"):
        plan(tmp_path, locked(s3_copy("digits")), domain=domain)


def test_an_emulated_account_has_no_provisioned_concurrency(tmp_path: Path) -> None:
    wanted = ModelSettings(
        snap_start=False, provisioned_concurrency=ProvisionedConcurrency(count=2)
    )
    entry = local_artifact(tmp_path, "digits")
    for local in (True, False):
        (model,) = plan(tmp_path, entry, local=local, defaults=wanted).models
        assert (model.settings.provisioned_concurrency is None) == local


def test_a_missing_local_artifact_names_the_file_and_the_remedy(tmp_path: Path) -> None:
    entry = local_artifact(tmp_path, "digits")
    (tmp_path / "store/models/digits/3/model.onnx").unlink()
    with pytest.raises(PlanError, match=r"digits/3/model\.onnx is missing; run `lading package`"):
        plan(tmp_path, entry)


def test_a_local_artifact_other_than_the_locked_one_is_refused(tmp_path: Path) -> None:
    entry = local_artifact(tmp_path, "digits")
    (tmp_path / "store/models/digits/3/artifact.json").write_text("{}")
    with pytest.raises(PlanError, match="is not the locked artifact"):
        plan(tmp_path, entry)


def test_a_local_artifact_too_big_for_a_layer_belongs_into_s3(tmp_path: Path) -> None:
    entry = local_artifact(tmp_path, "digits")
    with (tmp_path / "store/models/digits/3/model.onnx").open("r+b") as file:
        file.truncate(LAMBDA.artifact_bytes + 1)
    with pytest.raises(PlanError, match="over the 140 MB of a layer; run `lading push --store s3:"):
        plan(tmp_path, entry)


def test_a_broken_lock_or_manifest_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        StackError, match=r"models\.lock\.json is not a lock .*target: Input should be"
    ):
        plan(tmp_path, locked(LOCAL, target="elsewhere"))
    (tmp_path / "models.yaml").write_text(json.dumps({"modles": {}}))
    stage = Deployment(Names("lading", "dev"))
    with pytest.raises(StackError, match="did you mean 'models'"):
        plan_models(tmp_path / "models.yaml", tmp_path / "none.json", stage, None)


def test_settings_of_an_unknown_model_are_no_slip_of_the_pen(tmp_path: Path) -> None:
    told = "stages.dev.models: there is no model 'digit'; did you mean 'digits'?"
    with pytest.raises(SettingsError, match=re.escape(told)):
        plan(tmp_path, locked(s3_copy("digits")), models={"digit": {"timeout_s": 5}})


def test_two_models_whose_functions_would_be_one_are_refused(tmp_path: Path) -> None:
    write_project(tmp_path, {name: locked(s3_copy(name)) for name in ("digits", "Digits")})
    stage = Deployment(Names("lading", "dev"))
    files = tmp_path / "models.yaml", tmp_path / "models.lock.json"
    with pytest.raises(PlanError, match="the same name as that of model 'digits'; rename one"):
        plan_models(*files, stage, None)
