"""A retraining in the emulated cloud: the deployed state machine runs, succeeds, and fails.

MiniStack interprets the definition. The project's own emulator plays the tasks that MiniStack
cannot: the buildspec's commands and the training job's script really run.
"""

import contextlib
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from lading.api.settings import aws_environment
from lading.cli.main import main
from lading.emulator.cloud.account import EmulatedCloud
from lading.emulator.cloud.tasks import TaskPlayer, account_client
from lading.model_packaging.lock.file import read_lock
from lading.stacks.composition import add_stacks
from lading.stacks.stages.settings import OUTPUTS
from tests.stacks.synthesis import ROOT, make_app

pytestmark = pytest.mark.slow

DATA = "rows-of-m"
SCRIPT = """\
import os, shutil
from pathlib import Path
source = Path(os.environ["SM_CHANNEL_TRAIN"]) / "model.onnx"
if not source.exists():
    raise SystemExit("there are no rows in the data")
shutil.copy(source, Path(os.environ["SM_MODEL_DIR"]) / "model.onnx")
print("loss=0.25")
"""
MANIFEST = f"""\
models:
  m:
    train:
      entry: train.py
      channels: {{train: 's3://{DATA}/train'}}
      parameters: {{seed: 7}}
      metrics: {{loss: 'loss=([0-9.]+)'}}
      image: 763104351884.dkr.ecr.{{region}}.amazonaws.com/pytorch-training:2.8.0-cpu-py312
      schedule: rate(7 days)
    quantize: dynamic
    accuracy: {{data: holdout.csv, metric: mae, max_drop: 0.05}}
    evaluate: {{promote: not_worse}}
"""
WIDTH = 400
RIGHT, WORSE, FRAGILE = [0.5, 0.5], [0.5, 0.2], [45.0, 0.5]
"""Weights: only the second one matters on the rows; the third loses it when it is quantized."""


def linear(weights: list[float]) -> bytes:
    """`y = x @ weights`, in two layers, so that it is large enough to be quantized."""
    first = np.repeat(np.array(weights, np.float32).reshape(2, 1), WIDTH, axis=1)
    second = np.full((WIDTH, 1), 1 / WIDTH, np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "first"], ["hidden"]),
            helper.make_node("MatMul", ["hidden", "second"], ["y"]),
        ],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 1])],
        [numpy_helper.from_array(first, "first"), numpy_helper.from_array(second, "second")],
    )
    opsets = [helper.make_opsetid("", 17)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


@dataclass(frozen=True)
class Account:
    """An emulated account in which the model `m` is retrained."""

    folder: Path
    cloud: EmulatedCloud
    machine: str
    queue: str
    heard: str

    def client(self, service: str) -> Any:
        return client(self.cloud, service)

    def bring(self, name: str, content: bytes) -> None:
        """Make this the data."""
        replace_data(self.client("s3"), name, content)

    def start(self) -> str:
        started = self.client("stepfunctions").start_execution(stateMachineArn=self.machine)
        return str(started["executionArn"])

    def wait(self, execution: str) -> dict[str, Any]:
        states = self.client("stepfunctions")
        while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
            self.cloud.require_running()
            time.sleep(0.2)
        return dict(found)

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        with TaskPlayer(self.client, self.folder / "tasks", self.cloud.environment, [self.queue]):
            yield

    def run(self) -> dict[str, Any]:
        with self.working():
            return self.wait(self.start())


def client(cloud: EmulatedCloud, service: str) -> Any:
    return account_client(cloud.environment)(service)


def replace_data(s3: Any, name: str, content: bytes) -> None:
    for each in s3.list_objects_v2(Bucket=DATA).get("Contents", ()):
        s3.delete_object(Bucket=DATA, Key=each["Key"])
    s3.put_object(Bucket=DATA, Key=f"train/{name}", Body=content)


def lading(folder: Path, *words: str) -> None:
    with contextlib.chdir(folder), pytest.raises(SystemExit) as ended:
        main(words)
    assert not ended.value.code, words


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("retraining")
    (folder / "models.yaml").write_text(MANIFEST)
    (folder / "stages.yaml").write_text("stages: {dev: {}}")
    (folder / "train.py").write_text(SCRIPT)
    rows = np.linspace(-2, 2, 100)
    lines = [f"0,{x:.4f},{0.5 * x:.4f}" for x in rows]
    (folder / "holdout.csv").write_text("\n".join(["x.0,x.1,y", *lines]))
    with EmulatedCloud(tmp_path_factory.mktemp("cloud")) as cloud:
        s3 = client(cloud, "s3")
        s3.create_bucket(Bucket=DATA)
        replace_data(s3, "model.onnx", linear(RIGHT))
        with aws_environment(cloud.environment):
            lading(folder, "train", "m")
        outputs = deploy(cloud, folder)
        bus = client(cloud, "sqs").create_queue(QueueName="heard")["QueueUrl"]
        hear(cloud, bus)
        machine, queue = outputs[OUTPUTS.retraining_arn], outputs[OUTPUTS.retraining_queue]
        yield Account(folder, cloud, machine, queue, bus)


def deploy(cloud: EmulatedCloud, folder: Path) -> dict[str, str]:
    """Create the stacks of artifacts and of the retraining; return the latter's outputs."""
    app = make_app(folder, local=True)
    (region,) = add_stacks(app, ROOT)
    assembly = Path(app.synth().directory)
    s3, stacks = client(cloud, "s3"), client(cloud, "cloudformation")
    version = {"Name": "/cdk-bootstrap/hnb659fds/version", "Value": "99", "Type": "String"}
    client(cloud, "ssm").put_parameter(**version)
    assets = f"cdk-hnb659fds-assets-000000000000-{cloud.environment['AWS_REGION']}"
    s3.create_bucket(Bucket=assets)
    for path in [each for each in assembly.glob("asset.*") if each.is_dir()]:
        archive = shutil.make_archive(str(path), "zip", path)
        s3.upload_file(archive, assets, f"{path.name.removeprefix('asset.')}.zip")
    created: dict[str, Any] = {}
    for stack in (region.artifacts, *region.retraining):
        template = (assembly / stack.template_file).read_text()
        stacks.create_stack(StackName=stack.stack_name, TemplateBody=template)
        stacks.get_waiter("stack_create_complete").wait(
            StackName=stack.stack_name, WaiterConfig={"Delay": 1}
        )
        (created,) = stacks.describe_stacks(StackName=stack.stack_name)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in created["Outputs"]}


def hear(cloud: EmulatedCloud, queue: str) -> None:
    """Send the events of retrainings to a queue."""
    sqs, events = client(cloud, "sqs"), client(cloud, "events")
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    events.put_rule(Name="heard", EventPattern=json.dumps({"source": ["lading"]}))
    arn = found["Attributes"]["QueueArn"]
    events.put_targets(Rule="heard", Targets=[{"Id": "queue", "Arn": arn}])


def heard(account: Account) -> Any:
    """The event of a retraining, as EventBridge delivers it."""
    sqs = account.client("sqs")
    (message,) = sqs.receive_message(QueueUrl=account.heard, WaitTimeSeconds=20)["Messages"]
    sqs.delete_message(QueueUrl=account.heard, ReceiptHandle=message["ReceiptHandle"])
    return json.loads(message["Body"])


def versions(account: Account) -> set[str]:
    """The versions in the artifact bucket."""
    s3 = account.client("s3")
    keys = {
        each["Key"]
        for bucket in s3.list_buckets()["Buckets"]
        for each in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", ())
    }
    return {key for key in keys if key.endswith("artifact.zip")}


def test_a_challenger_that_loses_is_published_and_announced_without_stable(
    account: Account, tmp_path: Path
) -> None:
    account.bring("model.onnx", linear(WORSE))
    ended = account.run()
    assert ended["status"] == "SUCCEEDED", ended
    event = heard(account)
    assert (event["source"], event["detail-type"]) == ("lading", "Lading Model Retrained")
    found = event["detail"]
    assert found == json.loads(ended["output"])
    assert (found["model"], found["version"], found["against"]) == ("m", 2, 1)
    assert (found["label"], found["comparison"][0]["metric"]) == ("candidate", "mae")
    assert "does not exclude a loss above 0.05" in found["reason"]
    before = (account.folder / "models.lock.json").read_text()
    path = tmp_path / "event.json"
    path.write_text(json.dumps(event))
    lock = tmp_path / "models.lock.json"
    lock.write_text(before)
    with aws_environment(account.cloud.environment):
        lading(account.folder, "retrain", "--apply", str(path), "--lock", str(lock))
    model = read_lock(lock).model("m")
    assert (model.labels, set(model.versions)) == ({"stable": 1, "candidate": 2}, {1, 2})
    assert model.versions[2].digest == found["digest"]


def test_the_same_data_again_trains_nothing(account: Account) -> None:
    account.bring("model.onnx", linear(RIGHT))
    ended = account.run()
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"]) == {"unchanged": 1}


def test_a_model_that_the_gate_refuses_is_not_published(account: Account) -> None:
    before = versions(account)
    account.bring("model.onnx", linear(FRAGILE))
    ended = account.run()
    assert (ended["status"], ended["error"]) == ("FAILED", "AccuracyDropped")
    assert "mae went from" in ended["cause"]
    assert versions(account) == before


def test_a_script_that_fails_says_why(account: Account) -> None:
    account.bring("empty.txt", b"nothing")
    ended = account.run()
    assert (ended["status"], ended["error"]) == ("FAILED", "TrainingFailed")
    assert "there are no rows in the data" in json.loads(ended["cause"])["FailureReason"]


def test_a_second_start_is_refused_while_one_runs(account: Account) -> None:
    first, second = account.start(), account.start()  # nobody plays the first one's tasks
    ended = account.wait(second)
    assert (ended["status"], ended["error"]) == ("FAILED", "AlreadyRuns")
    assert first in ended["cause"]
    states = account.client("stepfunctions")
    assert states.describe_execution(executionArn=first)["status"] == "RUNNING"
    states.stop_execution(executionArn=first)
