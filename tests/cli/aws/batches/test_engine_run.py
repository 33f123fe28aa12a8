"""Batches of a model at an endpoint: jobs that really run, in an account of this machine."""

import contextlib
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from lading.batch.job_requests import JobPlan
from lading.cli.aws.batches.jobs import EngineJobs
from lading.cli.errors import EXIT, BatchFailed
from lading.emulator.engines.container_process import Program, service_container
from lading.emulator.sagemaker.training import TrainingApi
from lading.emulator.sagemaker.training_bucket import S3Bucket
from lading.functions.processing_job import answer
from lading.stacks.stages.sagemaker import has_gpu
from tests.cli.conftest import run
from tests.end_to_end.conftest import command_environment
from tests.support.batches import lines, write_lines
from tests.support.engines import write_engine_artifact
from tests.support.s3 import aws
from tests.support.uvicorn_server import uvicorn_serving
from tests.support.worlds import FLOAT, onnx_model

ACCOUNT_OF_AWS = "763104351884.dkr.ecr.eu-west-1.amazonaws.com"
IMAGE = f"{ACCOUNT_OF_AWS}/sagemaker-tritonserver:26.05-py3"
PROGRAM = Path(answer.__file__)
BUCKET, STACK = "batches-of-num", "lading-dev-model-num"
ROWS = [0, 1, 2, 3, 2, "no", 99, 1, 0, 3]
"""A row that is not a number, and one that the engine has no answer for."""
ANSWERS = [float(2 * row) for row in ROWS if isinstance(row, int) and row < 9]


def table() -> bytes:
    """`y = table[x]` with four numbers: any other index is an error of the engine."""
    known = numpy_helper.from_array(np.array([0, 2, 4, 6], np.float32), "table")
    return onnx_model(
        {"x": (TensorProto.INT64, ["batch"])},
        {"y": (FLOAT, ["batch"])},
        helper.make_node("Constant", [], ["table"], value=known),
        helper.make_node("Gather", ["table", "x"], ["y"]),
    )


def packed(model: bytes) -> bytes:
    """A model repository as `model.tar.gz`."""
    content, member = io.BytesIO(), tarfile.TarInfo("model/1/model.onnx")
    member.size = len(model)
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        archive.addfile(member, io.BytesIO(model))
    return content.getvalue()


class BatchAccount:
    """An AWS account in which version 1 of `num` is deployed, and a project for it.

    `stands_in` is what an image runs; tests replace it.
    """

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder = folder
        self.stands_in: Callable[[Path], Program] = service_container
        self.s3: Any = boto3.client("s3")
        self.api = TrainingApi(
            scratch, S3Bucket(self.s3), {"PATH": os.defpath}, lambda _, at: self.stands_in(at)
        )
        self.digest = write_engine_artifact(folder, "num", table(), "triton")
        write_lines(folder / "rows.jsonl", ROWS)

    def deploy(self, instance: str, *, archive: bool = True, **changes: Any) -> None:
        """Write what a deployment would leave, with this instance type for batches."""
        engine = {"name": "triton", "digest": "e" * 64, "images": {"eu-west-1": IMAGE}}
        version = {
            "identity": self.digest,
            "digest": self.digest,
            "target": "sagemaker",
            "stores": [{"kind": "local", "path": "."}],
            "engine": {**engine, "archive": archive},
        }
        lock = {"num": {"versions": {"1": version}, "labels": {"stable": 1}}}
        (self.folder / "models.lock.json").write_text(json.dumps(lock))
        stages = f"stages: {{dev: {{models: {{num: {{batch: {{instance: {instance}}}}}}}}}}}\n"
        (self.folder / "stages.yaml").write_text(stages)
        said = {
            "version": 1,
            "model": "num-1",
            "role": "arn:aws:iam::000000000000:role/num",
            "image": IMAGE,
            "files": f"s3://{BUCKET}/{'model.tar.gz' if archive else 'engine/'}",
            "environment": {},
            "instance": instance,
            "gpu": has_gpu(instance),
            **changes,
        }
        outputs = {"BatchBucketName": BUCKET, "BatchEngine": json.dumps(said)}
        template = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {key: {"Value": text} for key, text in outputs.items()},
        }
        stacks = boto3.client("cloudformation")
        with contextlib.suppress(stacks.exceptions.ClientError):
            stacks.delete_stack(StackName=STACK)
        stacks.create_stack(StackName=STACK, TemplateBody=json.dumps(template))

    def names(self, kind: str) -> list[str]:
        return sorted(self.api.batches.jobs[kind])

    def read(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    def keys(self, below: str) -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=below).get("Contents", ())
        return [each["Key"] for each in listed]


@pytest.fixture
def account(s3_url: str, tmp_path: Path) -> Iterator[BatchAccount]:
    with aws(s3_url):
        folder = tmp_path / "project"
        folder.mkdir()
        s3: Any = boto3.client("s3")
        where = {"LocationConstraint": "eu-west-1"}
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        s3.put_object(Bucket=BUCKET, Key="engine/model/1/model.onnx", Body=table())
        s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=packed(table()))
        made = BatchAccount(folder, tmp_path / "jobs")
        with uvicorn_serving(made.api) as address:
            os.environ["AWS_ENDPOINT_URL_SAGEMAKER"] = f"http://{address}"
            container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
            boto3.client("sagemaker").create_model(ModelName="num-1", PrimaryContainer=container)
            try:
                yield made
            finally:
                made.api.stop()
                for key in made.keys(""):
                    s3.delete_object(Bucket=BUCKET, Key=key)
                s3.delete_bucket(Bucket=BUCKET)


WORDS = (
    *("--input", "rows.jsonl", "--output", "out.jsonl", "--group", "4"),
    *("--on", "aws", "--stage", "dev", "--json"),
)


def batch(account: BatchAccount, *more: str) -> int:
    return run(account.folder, "batch", "num", *WORDS, *more)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("archive", "kind", "engine"),
    [
        (True, "Transform", "SageMaker Batch Transform"),
        (False, "Processing", "a SageMaker Processing job"),
    ],
)
def test_every_row_has_its_answer_or_its_reason_and_no_job_is_repeated(
    account: BatchAccount, capfd: pytest.CaptureFixture[str], archive: bool, kind: str, engine: str
) -> None:
    account.deploy("ml.m5.xlarge", archive=archive)
    assert batch(account) == 0, capfd.readouterr().err
    told = capfd.readouterr()
    done = json.loads(told.out)
    assert (done["rows"], done["answered"], done["failed"]) == (10, 8, 2)
    assert done["engine"] == engine
    assert f"{engine}, because" in told.err
    assert done["estimated"] > 0
    assert done["cost"] >= 0
    answers = lines(account.folder / "out.jsonl")
    assert [each["row"] for each in answers] == [0, 1, 2, 3, 4, 7, 8, 9]
    assert [each["y"] for each in answers] == ANSWERS
    bad, refused = lines(account.folder / "out.jsonl.errors.jsonl")
    assert (bad["row"], bad["error"]) == (5, "InvalidInput")
    assert (refused["row"], refused["error"]) == (6, "PredictionFailed")
    assert "engine" in refused["reason"]
    assert len(account.names(kind)) == 2  # several rows a request, then the refused ones alone
    base = f"batches/{done['id']}"
    assert json.loads(account.read(f"{base}/manifest.json"))["answered"] == 8
    assert account.read(f"{base}/errors.jsonl").count(b"\n") == 2
    before = account.keys(f"{base}/answers/")
    assert batch(account, "--overwrite") == 0
    assert json.loads(capfd.readouterr().out)["answered"] == 8
    assert account.keys(f"{base}/answers/") == before
    assert len(account.names(kind)) == 2
    # As if the job had ended earlier: what was answered stays, and only the rest is asked again.
    for key in (before[0], f"{base}/refused.json"):
        account.s3.delete_object(Bucket=BUCKET, Key=key)
    assert batch(account, "--overwrite") == 0
    assert json.loads(capfd.readouterr().out)["answered"] == 8
    assert [key for key in account.keys(f"{base}/answers/") if key.endswith(".out")] == [
        key for key in before if key.endswith(".out")
    ]
    again = json.loads(account.read(f"{base}/jobs/{account.names(kind)[2]}.manifest"))
    assert len(again) < len(account.keys(f"{base}/requests/"))
    assert run(account.folder, "batch", "status", "num", "--stage", "dev", "--json") == 0
    listed = json.loads(capfd.readouterr().out)
    assert sorted(each["id"] for each in listed) == account.names(kind)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize(
    ("archive", "kind"),
    [(True, "Transform"), (False, "Processing")],
    ids=["transform", "processing"],
)
def test_a_command_that_is_killed_follows_its_job_when_it_is_run_again(
    account: BatchAccount, capfd: pytest.CaptureFixture[str], archive: bool, kind: str
) -> None:
    account.deploy("ml.m5.xlarge", archive=archive)
    words = ["lading", "batch", "num", *WORDS]
    with subprocess.Popen(
        words, cwd=account.folder, env=command_environment(), stderr=subprocess.PIPE, text=True
    ) as command:
        assert command.stderr is not None
        started = next(line for line in command.stderr if "is started" in line)
        command.kill()
    assert batch(account) == 0, capfd.readouterr().err
    assert json.loads(capfd.readouterr().out)["answered"] == 8
    assert [each["y"] for each in lines(account.folder / "out.jsonl")] == ANSWERS
    first, *later = account.names(kind)
    assert first in started
    base = f"batches/{first.split('-')[-2]}"

    def asked(job: str) -> set[str]:
        return {*json.loads(account.read(f"{base}/jobs/{job}.manifest"))[1:]}

    answered = {Path(key).stem for key in account.keys(f"{base}/answers/") if key.endswith(".out")}
    again = asked(first) & {name for job in later for name in asked(job)}
    assert again == asked(first) - answered  # only what the first job did not answer


def test_a_job_that_runs_is_stopped_by_its_name(
    account: BatchAccount, capfd: pytest.CaptureFixture[str]
) -> None:
    account.deploy("ml.g5.xlarge")
    account.stands_in = lambda _: Program(["/bin/sleep", "600"], {})
    jobs = EngineJobs(STACK, "num", "eu-west-1")
    account.s3.put_object(Bucket=BUCKET, Key="requests/one", Body=b"{}")
    listed = json.dumps([{"prefix": f"s3://{BUCKET}/requests/"}, "one"])
    account.s3.put_object(Bucket=BUCKET, Key="manifest", Body=listed)
    account.s3.put_object(Bucket=BUCKET, Key="code/answer.py", Body=PROGRAM.read_bytes())
    plan = JobPlan(
        name=jobs.next_name("Processing", "0a1b2c3d"),
        engine=jobs.engine,
        manifest=f"s3://{BUCKET}/manifest",
        content_type="application/json",
        largest=2,
        answers=f"s3://{BUCKET}/answers/",
        script=f"s3://{BUCKET}/code/",
    )
    jobs.start("Processing", plan)
    assert jobs.running("Processing", "0a1b2c3d") == plan.name
    assert run(account.folder, "batch", "stop", "num", plan.name, "--stage", "dev") == 0
    assert f"{plan.name}: stop" in capfd.readouterr().out  # stopping, or stopped already
    account.api.batches.jobs["Processing"][plan.name].join()
    assert [each.status for each in jobs.latest()] == ["Stopped"]
    with pytest.raises(BatchFailed, match="does not run"):
        jobs.stop(plan.name)


def test_a_plan_says_which_engine_why_and_what_it_costs_and_starts_nothing(
    account: BatchAccount, capfd: pytest.CaptureFixture[str]
) -> None:
    account.deploy("ml.g5.xlarge")
    assert batch(account, "--dry-run") == 0
    plan = json.loads(capfd.readouterr().out)
    assert plan["engine"] == "a SageMaker Processing job"
    assert "CUDA 13" in plan["reason"]
    assert plan["rows"] == 10
    assert plan["estimated"] > 0
    assert account.keys("batches/") == account.names("Processing") == []


def test_another_version_than_the_deployed_one_is_refused(
    account: BatchAccount, capfd: pytest.CaptureFixture[str]
) -> None:
    account.deploy("ml.m5.xlarge", version=2)
    assert batch(account) == EXIT.not_found
    assert "version 2 of model 'num' is deployed" in capfd.readouterr().out


def test_an_image_that_does_not_start_fails_the_batch_and_says_why(
    account: BatchAccount, capfd: pytest.CaptureFixture[str]
) -> None:
    account.deploy("ml.g5.xlarge")
    account.stands_in = lambda _: Program(["/bin/false"], {})
    assert batch(account) == EXIT.server
    assert "ended with code 1 before it was ready" in capfd.readouterr().out
