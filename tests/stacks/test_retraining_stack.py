"""The stack that trains a model again: what it may do, what it starts, what starts it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Template

from lading.stacks.errors import StackError
from lading.stacks.retraining.plan import plan_retraining
from lading.stacks.retraining_stack import RetrainingStack
from lading.stacks.stages.settings import Deployment, Names
from tests.stacks.option_matrix import AGAIN
from tests.stacks.policies import ACCOUNT, REGION, Need, Resolved, RolePolicies
from tests.stacks.projects import local_artifact, locked, s3_copy, write_project
from tests.stacks.synthesis import only, resources, synthesise

STAGES = "stages: {dev: {regions: [eu-central-1]}}"
SIGNING_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d-0000-4000-8000-000000000002"
NAME = "lading-dev-retraining-again"
JOB = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/lading-again-0123abcd-1764450000000"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{NAME}"


def write(folder: Path, entry: Mapping[str, Any] | None, /, **train: Any) -> None:
    for name in ("train.py", "holdout.csv"):
        (folder / name).write_text("x\n")
    model = {**AGAIN, "train": {**AGAIN["train"], **train}}
    write_project(folder, {"again": entry} if entry else {}, STAGES)
    (folder / "models.yaml").write_text(json.dumps({"models": {"again": model}}))


def stacks(folder: Path, **asked: Any) -> tuple[RetrainingStack, ...]:
    (region,) = synthesise(folder, **asked)
    return region.retraining


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    folder = tmp_path_factory.mktemp("again")
    write(folder, locked(s3_copy("again", key="ours/models/again/3/artifact.zip")))
    signed = f"retraining: {{signing_key: '{SIGNING_KEY}'}}"
    (folder / "stages.yaml").write_text(f"stages: {{dev: {{regions: [{REGION}], {signed}}}}}")
    (stack,) = stacks(folder)
    return Template.from_stack(stack)


@pytest.fixture(scope="module")
def definition(template: Template) -> Any:
    machine = only(template, "AWS::StepFunctions::StateMachine")["Properties"]
    return json.loads(Resolved(template.to_json()).value(machine["DefinitionString"]))


def policies(template: Template, role: str) -> RolePolicies:
    resolved = Resolved(template.to_json())
    (document,) = (
        it["Properties"]["PolicyDocument"]
        for key, it in resolved.resources.items()
        if it["Type"] == "AWS::IAM::Policy" and key.startswith(role)
    )
    return RolePolicies([resolved.value(each) for each in document["Statement"]])


def test_a_schedule_starts_the_state_machine_and_gives_up_within_an_hour(
    template: Template,
) -> None:
    schedule = only(template, "AWS::Scheduler::Schedule")["Properties"]
    assert schedule["ScheduleExpression"] == "cron(0 3 ? * MON *)"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    retries = {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 3600}
    assert schedule["Target"]["RetryPolicy"] == retries
    (starter,) = policies(template, "ScheduleRole").statements
    assert starter["Action"] == "states:StartExecution"


def test_an_alarm_starts_it_when_it_goes_off(template: Template) -> None:
    rule = only(template, "AWS::Events::Rule")["Properties"]
    assert rule["EventPattern"] == {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {"alarmName": ["again-drift"], "state": {"value": ["ALARM"]}},
    }


def test_the_job_is_bounded_by_the_definition_and_by_the_role(
    template: Template, definition: Any
) -> None:
    job = definition["States"]["Train"]["Arguments"]
    assert job["ResourceConfig"]["InstanceType"] == "ml.m5.xlarge"
    stopping = {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}
    assert job["StoppingCondition"] == stopping
    role = policies(template, "MachineRole")
    (create,) = (
        each for each in role.statements if each["Action"] == "sagemaker:CreateTrainingJob"
    )
    assert create["Condition"] == {
        "ForAllValues:StringEquals": {"sagemaker:InstanceTypes": ["ml.m5.xlarge"]},
        "Null": {"sagemaker:InstanceTypes": "false"},
        "NumericLessThanEquals": {"sagemaker:MaxRuntimeInSeconds": 3600},
    }
    assert create["Resource"].endswith("training-job/lading-again-*")


def test_every_wait_is_bounded_and_every_task_catches(definition: Any) -> None:
    states = definition["States"]
    assert definition["TimeoutSeconds"] > sum(
        states[name]["TimeoutSeconds"] for name in ("Prepare", "Train", "Package")
    )
    for name in ("Prepare", "Train", "Package"):
        (catcher,) = states[name]["Catch"]
        assert catcher["ErrorEquals"] == ["States.ALL"]
        assert states[catcher["Next"]]["Type"] == "Fail"


def test_each_state_leads_to_one_that_there_is(definition: Any) -> None:
    states = definition["States"]
    named = {definition["StartAt"]}
    for state in states.values():
        named |= {state[key] for key in ("Next", "Default") if key in state}
        named |= {each["Next"] for key in ("Choices", "Catch") for each in state.get(key, ())}
    assert named == states.keys()


@pytest.mark.parametrize("ending", ["ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"])
def test_each_way_to_fail_has_an_alarm(template: Template, ending: str) -> None:
    alarm = only(template, "AWS::CloudWatch::Alarm", MetricName=ending)["Properties"]
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (0, 1)
    assert len(alarm["AlarmActions"]) == 1


@pytest.mark.parametrize(
    ("role", "action", "resource", "context"),
    [
        ("BuildRole", "s3:PutObject", "ours/models/again/4/artifact.zip", {}),
        ("BuildRole", "s3:GetObject", "ours/models/again/3/artifact.zip", {}),
        ("BuildRole", "s3:ListBucket", "", {"s3:prefix": "ours/models/again/"}),
        ("TrainingRole", "s3:GetObject", "rows:train/a.csv", {}),
        ("TrainingRole", "s3:GetObject", "all-rows:a.csv", {}),
    ],
)
def test_a_role_may_do_what_its_part_does(
    template: Template, role: str, action: str, resource: str, context: dict[str, str]
) -> None:
    bucket, _, key = resource.rpartition(":")
    arn = f"arn:aws:s3:::{bucket or 'artifacts-of-dev'}" + (f"/{key}" if key else "")
    assert policies(template, role).allows(Need(action, arn, context))


@pytest.mark.parametrize(
    ("role", "action", "arn"),
    [
        ("BuildRole", "s3:PutObject", "arn:aws:s3:::artifacts-of-dev/ours/models/other/1/a.zip"),
        ("BuildRole", "s3:DeleteObject", "arn:aws:s3:::artifacts-of-dev/ours/models/again/3/a"),
        ("BuildRole", "s3:GetObject", "arn:aws:s3:::rows/train/a.csv"),
        ("BuildRole", "sagemaker:CreateTrainingJob", JOB),
        ("TrainingRole", "s3:GetObject", "arn:aws:s3:::rows/train2/a.csv"),
        ("TrainingRole", "s3:PutObject", "arn:aws:s3:::rows/train/a.csv"),
        ("TrainingRole", "s3:PutObject", "arn:aws:s3:::artifacts-of-dev/ours/models/again/4/a"),
        ("MachineRole", "s3:GetObject", "arn:aws:s3:::rows/train/a.csv"),
        ("MachineRole", "states:StartExecution", MACHINE),
        ("MachineRole", "codebuild:StartBuild", f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/o"),
    ],
)
def test_a_role_may_do_nothing_else(template: Template, role: str, action: str, arn: str) -> None:
    allowed = [
        each
        for each in policies(template, role).statements
        if "Condition" not in each or "s3:prefix" in str(each["Condition"])
    ]
    assert not RolePolicies(allowed).allows(Need(action, arn))


def test_the_state_machine_may_find_its_executions_and_pass_one_role(template: Template) -> None:
    role = policies(template, "MachineRole")
    free = [each for each in role.statements if "Condition" not in each]
    assert RolePolicies(free).allows(Need("states:ListExecutions", MACHINE))
    (passing,) = (each for each in role.statements if each["Action"] == "iam:PassRole")
    assert passing["Condition"] == {
        "StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}
    }


def test_files_of_jobs_are_deleted_in_days(template: Template) -> None:
    (rule,) = only(template, "AWS::S3::Bucket")["Properties"]["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == 30


def test_the_builds_publish_where_the_locked_version_is(template: Template) -> None:
    project = only(template, "AWS::CodeBuild::Project")["Properties"]
    variables = {
        each["Name"]: each["Value"] for each in project["Environment"]["EnvironmentVariables"]
    }
    assert (variables["MODEL"], variables["STORE"]) == ("again", "s3://artifacts-of-dev/ours")
    assert project["TimeoutInMinutes"] == 60
    assert project["Environment"]["PrivilegedMode"] is False


def test_the_builds_sign_new_versions_with_the_stages_key(template: Template) -> None:
    project = only(template, "AWS::CodeBuild::Project")["Properties"]
    told = project["Environment"]["EnvironmentVariables"]
    assert {"Name": "LADING_SIGNING_KEY", "Value": SIGNING_KEY, "Type": "PLAINTEXT"} in told
    assert "pip install --quiet -r requirements/cloud.txt" in project["Source"]["BuildSpec"]
    signs = [it for it in policies(template, "BuildRole").statements if "kms:Sign" in it["Action"]]
    assert [(it["Action"], it["Resource"]) for it in signs] == [
        (["kms:GetPublicKey", "kms:Sign"], SIGNING_KEY)
    ]


def test_a_stage_may_leave_retraining_to_another(tmp_path: Path) -> None:
    write(tmp_path, locked(s3_copy("again")))
    (tmp_path / "stages.yaml").write_text("stages: {dev: {retraining: {enabled: false}}}")
    assert stacks(tmp_path) == ()


def test_in_an_emulated_account_the_emulator_plays_the_tasks(tmp_path: Path) -> None:
    write(tmp_path, local_artifact(tmp_path, "again"))
    (tmp_path / "stages.yaml").write_text("stages: {dev: {}}")
    (stack,) = stacks(tmp_path, local=True)
    template = Template.from_stack(stack)
    machine = only(template, "AWS::StepFunctions::StateMachine")["Properties"]
    states = json.loads(Resolved(template.to_json()).value(machine["DefinitionString"]))["States"]
    for name in ("Prepare", "Train", "Package"):
        assert states[name]["Resource"].endswith(":sqs:sendMessage.waitForTaskToken")
    project = only(template, "AWS::CodeBuild::Project")["Properties"]
    (store,) = (
        each["Value"]
        for each in project["Environment"]["EnvironmentVariables"]
        if each["Name"] == "STORE"
    )
    bucket = store["Fn::Join"][1][1]["Fn::GetStackOutput"]
    assert (bucket["StackName"], bucket["OutputName"]) == (
        "lading-dev-artifacts",
        "ArtifactBucketName",
    )
    body = states["Train"]["Arguments"]["MessageBody"]
    assert body["Resource"].endswith(":sagemaker:createTrainingJob.sync")
    assert len(resources(template, "AWS::SQS::Queue")) == 1


@pytest.mark.parametrize(
    ("train", "reason"),
    [
        ({"schedule": "rate(1 week)"}, "train.schedule: must be a schedule that AWS accepts"),
        ({"image": None}, "train.image: is missing; to train in the cloud"),
        ({"image": "python:3.12"}, "train.image: its image 'python:3.12' must be in a private"),
        ({"channels": {"train": "data"}}, "train.channels: names no data in S3"),
        ({"entry": "gone.py"}, "train.entry: "),
    ],
)
def test_what_aws_would_refuse_is_refused_with_its_place(
    tmp_path: Path, train: dict[str, Any], reason: str
) -> None:
    write(tmp_path, locked(s3_copy("again")), **train)
    with pytest.raises(StackError) as caught:
        stacks(tmp_path)
    assert "models.again." in str(caught.value)
    assert reason in str(caught.value)


def test_a_champion_that_no_build_could_read_is_refused(tmp_path: Path) -> None:
    entry = local_artifact(tmp_path, "again")
    entry["versions"]["3"]["stores"] = [{"kind": "local", "path": "gone"}]
    write(tmp_path, entry)
    manifest, lock = tmp_path / "models.yaml", tmp_path / "models.lock.json"
    with pytest.raises(StackError, match=r"model 'again', version 3: .*lading push --store"):
        plan_retraining(manifest, lock, Deployment(Names("lading", "dev")), None)
