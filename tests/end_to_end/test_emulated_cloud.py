"""The very stacks that go to AWS, deployed into one on this machine: called, and rolled back."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from pyarrow import parquet

from lading.api.settings import aws_environment
from lading.cli.commands.emulate import describe
from lading.cli.emulated_stage import create_token, deploy
from lading.cli.rehearsal import Rehearsal, rehearse
from lading.cli.update_locks import plan_update
from lading.emulator.cloud.account import EmulatedCloud
from lading.emulator.cloud.codedeploy import Order
from lading.emulator.cloud.tasks import account_client
from lading.emulator.processes.ports import free_port
from lading.functions.contract.dialects import DIALECTS
from lading.functions.contract.names import function_log
from lading.functions.contract.split import VersionSplit
from lading.functions.drift.cloud import read_lines
from lading.functions.drift.windows import sum_lines
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.models.session_predictor import open_onnx
from lading.stacks.stages.settings import Deployment, load_deployment
from tests.end_to_end.conftest import command_environment, guide_commands, lading, lading_in
from tests.end_to_end.test_digits import Outputs, same
from tests.support.guides import run_guide, section_of
from tests.support.worlds import times

# gevent, which the stock client uses, warns of its own doings.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning:gevent.*")]

HOSTED = """
  hosted:
    source: hosted.onnx
    target: lambda-managed
  fourfold:
    graph:
      inputs: [x]
      nodes:
        root: {sequence: [{use: hosted, outputs: {y: twice}}, {use: hosted, inputs: {x: twice}}]}
"""

STAGES = """
stages:
  dev:
    auth: token
    drift: {lines_s: 1, every_minutes: 60}
    models: {digits: {batch: {}, capture: {share: 1, fields: [X, label], feedback: true}}}
    judge: {least_requests: 20}
"""

SPLIT = VersionSplit({1: 50, 2: 50}, "x-user-id")
SIDE_BY_SIDE = STAGES.replace(
    "batch: {}", "batch: {}, split: {versions: {stable: 50, canary: 50}, key: X-User-Id}"
)
USERS = [f"user-{number}" for number in range(24)]
DIVIDED = {user: SPLIT.choose("digits", {"x-user-id": user}) for user in USERS}
OF_STABLE = {"X-User-Id": next(user for user, version in DIVIDED.items() if version == 1)}
"""A user whom the stable version answers."""

Rows = np.ndarray[Any, np.dtype[np.float32]]


class Deployed:
    """The API, and what a deployment of it starts from."""

    def __init__(self, cloud: EmulatedCloud, folder: Path) -> None:
        self.cloud, self.folder, self.lock = cloud, folder, folder / "models.lock.json"
        self.deployment: Deployment = load_deployment(folder / "stages.yaml", "dev", local=True)
        with np.load(folder / "examples/digits/holdout.npz") as holdout:
            self.rows: Rows = np.asarray(holdout["X"][:20])
            self.truth: list[int] = holdout["y"][:20].tolist()

    def write_stages(self, text: str) -> None:
        """Change the settings of the next deployment."""
        (self.folder / "stages.yaml").write_text(text)
        self.deployment = load_deployment(self.folder / "stages.yaml", "dev", local=True)

    @property
    def question(self) -> Any:
        return {"inputs": self.rows.tolist()}

    def deploy(self, lock: Path | None = None) -> str:
        manifest = self.folder / "models.yaml"
        return deploy(self.cloud, self.deployment, manifest, lock or self.lock)

    def expected(self, version: int) -> Outputs:
        """What the library call answers."""
        folder = self.folder / f"artifacts/models/digits/{version}"
        predictor = open_onnx(read_artifact(folder), version)
        return predictor.predict({predictor.metadata.inputs[0].name: self.rows})

    def expected_of_rows_alone(self, version: int) -> Outputs:
        """What the library call answers to each row alone: this model quantizes a whole run."""
        folder = self.folder / f"artifacts/models/digits/{version}"
        predictor = open_onnx(read_artifact(folder), version)
        name = predictor.metadata.inputs[0].name
        answers = [predictor.predict({name: row[np.newaxis]}) for row in self.rows]
        return {key: np.concatenate([each[key] for each in answers]) for key in answers[0]}


@pytest.fixture(scope="session")
def deployed(
    cloud: EmulatedCloud, published: Path, tmp_path_factory: pytest.TempPathFactory
) -> Deployed:
    folder = tmp_path_factory.mktemp("emulated")
    shutil.copytree(published, folder, dirs_exist_ok=True)
    (folder / "hosted.onnx").write_bytes(times(2))
    manifest = folder / "models.yaml"
    manifest.write_text(manifest.read_text() + HOSTED)
    (folder / "stages.yaml").write_text(STAGES)
    lading(folder, "package")
    return Deployed(cloud, folder)


@pytest.fixture(scope="session")
def url(deployed: Deployed) -> str:
    return deployed.deploy()


@pytest.fixture(scope="session")
def bearer(deployed: Deployed, url: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {create_token(deployed.cloud, deployed.deployment)}"}


def ask(url: str, document: Any, headers: dict[str, str]) -> Any:
    answer = httpx.post(url, json=document, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer lading_guessed"}])
@pytest.mark.parametrize("path", ["/digits/predict", "/predict/digits", "/models"])
def test_a_call_without_a_good_token_is_refused(
    deployed: Deployed, url: str, path: str, headers: dict[str, str]
) -> None:
    answer = httpx.post(url + path, json=deployed.question, headers=headers, timeout=60)
    assert answer.status_code in {401, 403}
    assert "outputs" not in answer.text


@pytest.mark.parametrize("path", ["/digits/predict", "/predict/digits"])
def test_plain(deployed: Deployed, url: str, path: str, bearer: dict[str, str]) -> None:
    answer = ask(url + path, deployed.question, bearer)
    assert answer["version"] == 1
    assert same(answer["outputs"], deployed.expected(1))


@pytest.mark.parametrize("base", ["", "/digits"])
def test_tensorflow_serving(
    deployed: Deployed, url: str, base: str, bearer: dict[str, str]
) -> None:
    answer = ask(f"{url}{base}/v1/models/digits:predict", deployed.question, bearer)
    assert same(answer["outputs"], deployed.expected(1))


@pytest.mark.parametrize("base", ["", "/digits"])
@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_stock_triton_client(
    deployed: Deployed, url: str, base: str, binary: bool, bearer: dict[str, str]
) -> None:
    rows, expected = deployed.rows, deployed.expected(1)
    # The client sends neither; the emulated gateway would take both bodies for text then.
    headers = {**bearer, "Content-Type": "application/octet-stream", "Accept": "*/*"}
    client = triton.InferenceServerClient(url.removeprefix("http://") + base)
    assert client.is_model_ready("digits", headers=bearer)
    metadata = client.get_model_metadata("digits", headers=bearer)
    tensor = triton.InferInput(metadata["inputs"][0]["name"], list(rows.shape), "FP32")
    tensor.set_data_from_numpy(rows, binary_data=binary)
    wanted = [triton.InferRequestedOutput(name, binary_data=binary) for name in expected]
    answer = client.infer("digits", [tensor], outputs=wanted, headers=headers)
    client.close()
    assert same({name: answer.as_numpy(name) for name in expected}, expected)


def test_a_batch_is_answered_by_the_deployed_function(
    deployed: Deployed, url: str, tmp_path: Path
) -> None:
    """The state machine reads chunks of an uploaded file, and rows of one that is in S3."""
    assert url
    rows = [*deployed.rows.tolist(), ["no", "digits"]]
    text = "".join(json.dumps({"X": row}) + "\n" for row in rows)
    (tmp_path / "rows.jsonl").write_text(text)
    expected = deployed.expected_of_rows_alone(1)
    with aws_environment(deployed.cloud.environment):
        boto3.client("s3").create_bucket(Bucket="their-rows")
        boto3.client("s3").put_object(Bucket="their-rows", Key="rows.jsonl", Body=text)
        for number, source in enumerate(
            (str(tmp_path / "rows.jsonl"), "s3://their-rows/rows.jsonl")
        ):
            output = tmp_path / f"answers-{number}.jsonl"
            words = ("-i", source, "-o", str(output), "--on", "aws", "--chunk-rows", "8", "--json")
            done = json.loads(lading(deployed.folder, "batch", "digits", *words))
            assert (done["rows"], done["answered"], done["failed"]) == (21, 20, 1)
            assert done["cost"] > 0
            assert done["estimated"] > 0
            answers = [json.loads(line) for line in output.read_text().splitlines()]
            assert [answer["row"] for answer in answers] == [*range(20)]
            assert same({key: [it[key] for it in answers] for key in expected}, expected)
            (error,) = map(json.loads, Path(f"{output}.errors.jsonl").read_text().splitlines())
            assert (error["row"], error["error"]) == (20, "InvalidInput")
        status = json.loads(lading(deployed.folder, "batch", "status", "digits", "--json"))
        assert [each["status"] for each in status] == ["SUCCEEDED", "SUCCEEDED"]


def test_a_batch_is_planned_and_its_failed_parts_alone_are_tried_again(
    deployed: Deployed, url: str
) -> None:
    """By the guide's commands; what is answered stays as it is."""
    assert url
    folder, account = deployed.folder, deployed.cloud.environment
    found = guide_commands("batch.md", "batch", prod="dev")
    plan, run, status, _ = (words for words in found if "--stage" in words)
    run += ["--chunk-rows", "16"]
    rows = [sys.executable, "examples/batch/rows.py", "64", "rows.csv"]
    subprocess.run(rows, cwd=folder, check=True, capture_output=True)

    def told(*words: str) -> str:
        done = lading_in(folder, account, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "Step Functions Distributed Map, because a Lambda function answers" in told(*plan)
    assert "64 of 64 rows answered" in told(*run)
    assert told(*status).splitlines()[1].endswith("succeeded")
    place = json.loads((folder / "answers.parquet.manifest.json").read_text())["results"]
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    with aws_environment(account):
        s3 = boto3.client("s3")
    kept = f"{prefix}/results/000000000016.jsonl"
    body = s3.get_object(Bucket=bucket, Key=kept)["Body"].read()
    once = body.replace(b'"label":', b'"label":1')
    s3.put_object(Bucket=bucket, Key=kept, Body=once)
    for kind in ("results", "records"):  # as if this part had failed
        s3.delete_object(Bucket=bucket, Key=f"{prefix}/{kind}/000000000032.jsonl")
    before = parquet.read_table(folder / "answers.parquet")["label"].to_pylist()
    assert "64 of 64 rows answered" in told(*run, "--overwrite")
    answers = parquet.read_table(folder / "answers.parquet").to_pydict()
    assert answers["row"] == [*range(64)]
    assert answers["label"] == [
        int(f"1{label}") if 16 <= row < 32 else label for row, label in enumerate(before)
    ]


def test_a_captured_request_is_asked_again_and_gets_its_truth_by_a_token_of_its_own(
    deployed: Deployed, url: str, bearer: dict[str, str]
) -> None:
    identity = {"x-request-id": "captured-1"}
    ask(f"{url}/digits/predict", deployed.question, {**bearer, **identity})
    told, path = {"request_id": "captured-1", "truth": deployed.truth}, f"{url}/feedback/digits"
    assert httpx.post(path, json=told, headers=bearer, timeout=60).status_code == 403
    with aws_environment(deployed.cloud.environment):
        stack = deployed.deployment.names.model_stack("digits")
        (found,) = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        outputs = {it["OutputKey"]: it["OutputValue"] for it in found["Outputs"]}
        words = ("--tenant", "labels", "--model", "digits", "--scope", "feedback", "--json")
        made = json.loads(lading(deployed.folder, "tokens", "create", *words))
        labels = {"Authorization": f"Bearer {made['token']}"}
        refused = httpx.post(
            f"{url}/digits/predict", json=deployed.question, headers=labels, timeout=60
        )
        assert refused.status_code == 403
        assert [ask(path, told, labels)["counted"] for _ in range(2)] == [True, False]
        missing = httpx.post(path, json={**told, "request_id": "no"}, headers=labels, timeout=60)
        assert missing.status_code == 404
        place = ("--capture", f"s3://{outputs['CaptureBucketName']}", "--json")
        replayed = json.loads(lading(deployed.folder, "replay", "digits", *place))
        live = json.loads(lading(deployed.folder, "feedback", "digits", *place))
    assert replayed["agreement"]["estimate"] == 1.0
    assert [*replayed["outputs"]] == ["label"]
    (version,) = live["versions"]
    right = deployed.expected(1)["label"] == deployed.truth
    assert (version["rows"], version["accuracy"]["estimate"]) == (20, right.mean())


def test_the_models_are_listed_at_the_root(url: str, bearer: dict[str, str]) -> None:
    listed = httpx.get(f"{url}/models", headers=bearer, timeout=60).json()
    assert [(model["name"], model["default_version"]) for model in listed] == [
        ("digits", 1),
        ("fourfold", 1),
        ("hosted", 1),
    ]


def test_a_managed_model_answers_without_its_capacity_provider_and_the_command_says_so(
    deployed: Deployed, url: str, bearer: dict[str, str]
) -> None:
    answer = ask(f"{url}/hosted/predict", {"inputs": [[1.5, 2.0]]}, bearer)
    assert answer == {"model": "hosted", "version": 1, "outputs": {"y": [[3.0, 4.0]]}}
    with aws_environment(deployed.cloud.environment):
        function = boto3.client("lambda").get_function_configuration(
            FunctionName=deployed.deployment.names.function("hosted")
        )
    assert "CapacityProviderConfig" not in function
    found = {"url": url, "token": "", "model": "hosted", "version": 1, "layers": ""}
    told = describe(found, answer, stays=False).splitlines()
    left_out = told[told.index("Left out here:") :]
    instead = "each function runs as a plain one, with one request at a time"
    assert f"  Lambda Managed Instances: {instead}" in left_out


@pytest.mark.parametrize("base", ["", "/fourfold"])
def test_a_graph_answers_through_the_api_in_one_function(
    deployed: Deployed, url: str, base: str, bearer: dict[str, str]
) -> None:
    x = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1.5, 2.0]}
    answer = ask(f"{url}{base}/v2/models/fourfold/infer", {"inputs": [x]}, bearer)
    (y,) = answer["outputs"]
    assert (answer["model_name"], y["data"]) == ("fourfold", [6.0, 8.0])


def counted_lines(deployed: Deployed) -> list[str]:
    """The lines with counts in the log of the digits' function."""
    group = function_log(deployed.deployment.names.function("digits"))
    with aws_environment(deployed.cloud.environment):
        return [*read_lines(group, 0, 1 << 45)]


def send_until_counted(
    deployed: Deployed, url: str, bearer: dict[str, str], rows: Rows, requests: int
) -> None:
    """Send these rows in so many requests, and some more until their counts are in the log."""
    before = sum(window.requests for window in sum_lines(counted_lines(deployed)))
    for number in count():
        ask(f"{url}/digits/predict", {"inputs": rows.tolist()}, bearer)
        found = sum(window.requests for window in sum_lines(counted_lines(deployed)))
        if number >= requests and found >= before + requests:
            return


def judged(deployed: Deployed) -> list[str]:
    """The features that drift, as the scheduled function finds them."""
    with aws_environment(deployed.cloud.environment):
        name = deployed.deployment.names.api_function("drift")
        answer = boto3.client("lambda").invoke(FunctionName=name)
        found: dict[str, list[str]] = json.loads(answer["Payload"].read())
    assert set(found) == {"digits"}
    return found["digits"]


def test_a_drift_is_found_and_named_and_requests_as_usual_are_left_alone(
    deployed: Deployed, url: str, bearer: dict[str, str], tmp_path: Path
) -> None:
    """Before `lading smoke`, which asks for rows that are anything but usual."""
    with np.load(deployed.folder / "examples/digits/holdout.npz") as holdout:
        usual = np.asarray(holdout["X"])
    chosen = np.random.default_rng(0).integers(0, len(usual), 1000)
    send_until_counted(deployed, url, bearer, usual[chosen], requests=10)
    assert judged(deployed) == []
    brighter = usual[chosen]
    brighter[:, 28] = np.minimum(brighter[:, 28] + 8, 16)
    send_until_counted(deployed, url, bearer, brighter, requests=10)
    drifting = judged(deployed)
    assert [name for name in drifting if name.startswith("X[")] == ["X[28]"]
    log = tmp_path / "function.log"
    log.write_text("\n".join(counted_lines(deployed)))
    document = json.loads(lading(deployed.folder, "drift", "digits", "--log", str(log), "--json"))
    assert document["drifts"] == drifting


AWS_CLI = f"""\
#!{sys.executable}
import sys
from lading.functions.drift.cloud import read_lines
assert sys.argv[1:3] == ["logs", "tail"]
for line in read_lines(sys.argv[3].replace("-prod-", "-dev-"), 0, 1 << 45):
    print("2026-11-30T09:00:00.000000+00:00 2026/11/30/[1]0a1b2c", line)
"""
"""`aws logs tail` of AWS's own client, which is no package of this project."""


def test_the_commands_of_the_guide_find_the_drift(deployed: Deployed, tmp_path: Path) -> None:
    """In the log that the requests of the test above have left."""
    folder, client = tmp_path / "clone", tmp_path / "bin/aws"
    shutil.copytree(deployed.folder, folder, ignore=shutil.ignore_patterns(".lading"))
    (folder / "service.log").write_text("\n".join(counted_lines(deployed)))
    client.parent.mkdir()
    client.write_text(AWS_CLI)
    client.chmod(0o755)
    variables = dict(deployed.cloud.environment)
    variables["PATH"] = f"{client.parent}{os.pathsep}{command_environment()['PATH']}"
    for section in ("## Ask a log", "## SageMaker Model Monitor's files"):
        run_guide("drift.md", section, folder, variables=variables)
    assert "X[28]" in (folder / "drift.html").read_text()
    violations = json.loads((folder / "monitor/constraint_violations.json").read_text())
    assert "X[28]" in {it["feature_name"] for it in violations["violations"]}
    assert {it.name for it in (folder / "monitor").iterdir()} == {
        "constraint_violations.json",
        "constraints.json",
        "statistics.json",
    }


def test_smoke_finds_the_deployment_right(
    deployed: Deployed, url: str, bearer: dict[str, str]
) -> None:
    token = bearer["Authorization"].removeprefix("Bearer ")
    found = json.loads(lading(deployed.folder, "smoke", "--url", url, "--token", token, "--json"))
    assert found["versions"] == {"digits": 1, "fourfold": 1, "hosted": 1}
    assert {check["wrong"] for check in (*found["answers"], *found["refusals"])} == {""}
    called = {check["operation"].split()[0] for check in found["answers"]}
    assert called == {dialect.name for dialect in DIALECTS} - {"openai", "feedback"}
    assert len(found["refusals"]) == 4
    assert not any(proof["proved"] for proof in found["proofs"])


def test_an_update_is_rehearsed_and_one_command_rolls_it_back(
    deployed: Deployed, url: str, bearer: dict[str, str], tmp_path: Path
) -> None:
    before = deployed.lock.read_bytes()
    manifest = deployed.folder / "models.yaml"
    manifest.write_text(manifest.read_text().replace("quantize: dynamic", "quantize: none"))
    lading(deployed.folder, "package")
    assert json.loads(deployed.lock.read_text())["digits"]["labels"] == {"stable": 2}
    update = plan_update(deployed.lock, tmp_path, "digits", None)
    answers: list[Any] = []

    def deploy_lock(lock: Path) -> None:
        """Forward by the lock of the rehearsal; back by the project's own, after a rollback."""
        if lock == update.before:
            shown = lading(deployed.folder, "rollback", "digits")
            assert "digits: stable is on version 1, before on 2" in shown
            lading(deployed.folder, "label", "digits", "canary", "2")
            deployed.write_stages(SIDE_BY_SIDE)
        assert deployed.deploy(lock if lock == update.after else deployed.lock) == url

    def check(_lock: Path) -> None:
        headers = {**bearer, **OF_STABLE}
        answers.append(ask(f"{url}/digits/predict", deployed.question, headers))

    told: list[str] = []
    rehearsal = Rehearsal(
        client=account_client(deployed.cloud.environment),
        codedeploy=deployed.cloud.codedeploy,
        deployment=deployed.deployment,
        model="digits",
        send=lambda: ask(f"{url}/digits/predict", deployed.question, bearer),
        requests=60,
        tell=told.append,
    )
    shifts = rehearse(rehearsal, update, deploy_lock, check)
    assert [(it.old, it.new, it.status) for it in shifts] == [
        (1, 2, "Succeeded"),
        (2, 1, "Succeeded"),
    ]
    for shift in shifts:
        first, last = shift.steps
        assert first.old.requests + first.new.requests == 60
        assert 0 < first.new.requests < 30, "about one of ten requests reaches the new version"
        assert (last.old.requests, last.new.requests) == (0, 60)
        assert shift.verdict in {"too little traffic", "better or equal"}
    assert [answer["version"] for answer in answers] == [2, 1]
    for answer in answers:
        assert same(answer["outputs"], deployed.expected(answer["version"]))
    assert not same(answers[0]["outputs"], deployed.expected(1))
    after, kept = (json.loads(text)["digits"] for text in (deployed.lock.read_bytes(), before))
    assert after["labels"] == {**kept["labels"], "canary": 2}
    assert after["versions"].keys() == {"1", "2"}


@pytest.mark.parametrize("path", ["/digits/predict", "/predict/digits"])
def test_two_versions_answer_each_its_own_users(
    deployed: Deployed, url: str, bearer: dict[str, str], path: str
) -> None:
    """After the rollback, with which the stage divides the requests of the digits."""
    expected = {version: deployed.expected(version) for version in (1, 2)}
    for user, version in DIVIDED.items():
        answer = httpx.post(
            url + path, json=deployed.question, headers={**bearer, "X-User-Id": user}, timeout=60
        )
        assert answer.headers["lading-version"] == str(version)
        assert same(answer.json()["outputs"], expected[version])
    pinned = ask(f"{url}{path}/versions/2", deployed.question, {**bearer, **OF_STABLE})
    assert pinned["version"] == 2
    found = json.loads(
        lading_in(
            deployed.folder, deployed.cloud.environment, "compare", "digits", "1", "2", "--json"
        ).stdout
    )
    assert found["requests"][1] > [*DIVIDED.values()].count(2)
    assert {it["measure"] for it in found["measures"]} >= {"errors"}


def test_the_commands_of_the_guide_divide_and_compare_requests(
    deployed: Deployed, tmp_path: Path
) -> None:
    """With the versions that are packaged by now; `canary` is on version 2."""
    folder = tmp_path / "clone"
    shutil.copytree(
        deployed.folder, folder, ignore=shutil.ignore_patterns(".lading", "stages.yaml")
    )
    section = "## Two versions at once: A/B tests"
    stages = re.search(r"```yaml\n(.*?)```", section_of("roll-outs.md", section), re.DOTALL)
    assert stages is not None
    (folder / "stages.yaml").write_text(stages[1])
    run_guide("roll-outs.md", section, folder, free_port())


def broken_version(client: Any, function: str) -> str:
    """Publish a version of the function that answers 503, because it does not find its model."""
    settings = client.get_function_configuration(FunctionName=function)["Environment"]
    variables = {**settings["Variables"], "LADING_MODEL_ROOT": "/nowhere"}
    client.update_function_configuration(
        FunctionName=function, Environment={"Variables": variables}
    )
    client.get_waiter("function_updated_v2").wait(FunctionName=function)
    return str(client.publish_version(FunctionName=function)["Version"])


def test_a_worse_version_is_stopped_by_the_judge(
    deployed: Deployed, url: str, bearer: dict[str, str]
) -> None:
    """CodeDeploy shares requests by the alias's weights, until the judge stops it."""
    names = deployed.deployment.names
    function, judge = names.function("digits"), names.hook("digits", "judge")
    with aws_environment(deployed.cloud.environment):
        client: Any = boto3.client("lambda")
        old = client.get_alias(FunctionName=function, Name="live")["FunctionVersion"]
        new = broken_version(client, function)
        order = Order(function, "live", old, new, "canary-10-percent-5-minutes")
        shift = deployed.cloud.codedeploy.begin(order)
        asked = [
            httpx.post(
                f"{url}/digits/predict", json=deployed.question, headers=bearer, timeout=60
            ).status_code
            for _ in range(150)
        ]
        assert 3 <= asked.count(503) <= 40, "about one of ten requests reaches the new version"
        assert asked.count(200) + asked.count(503) == 150
        # The minute is over for this look; a look of the schedule may have been earlier.
        event = {"now_ms": int(time.time() * 1000) + 120_000}
        client.invoke(FunctionName=judge, Payload=json.dumps(event).encode())
        alias = client.get_alias(FunctionName=function, Name="live")
    assert (shift.status, alias["FunctionVersion"]) == ("Stopped", old)
    assert "RoutingConfig" not in alias
    told = lading_in(
        deployed.folder, deployed.cloud.environment, "rollout", "status", "digits", "--json"
    )
    assert told.returncode == 3
    found = json.loads(told.stdout)
    assert (found["verdict"], found["stopped"]) == ("worse", "Succeeded")
    assert (found["old"]["version"], found["new"]["version"]) == (old, new)
    assert found["new"]["errors"] == found["new"]["requests"] > 0 == found["old"]["errors"]
    answer = ask(f"{url}/digits/predict", deployed.question, {**bearer, **OF_STABLE})
    assert answer["version"] == 1


def test_the_guides_commands_show_the_roll_out_and_compare_its_versions(
    deployed: Deployed, url: str
) -> None:
    """Versions 1 and 2 have both answered before; the judge has stopped a third one."""
    assert url
    instead = {"prod": "dev", "3": "1", "4": "2"}
    shown, followed = guide_commands("roll-outs.md", "rollout", **instead)
    for words in (shown, followed):
        told = lading_in(deployed.folder, deployed.cloud.environment, *words)
        assert told.returncode == 3, told.stderr
        assert "errors" in told.stdout
    (compare, *_) = guide_commands("roll-outs.md", "compare", **instead)
    told = lading_in(deployed.folder, deployed.cloud.environment, *compare)
    assert told.returncode == 0, told.stderr
    assert "version 2 beside version 1: " in told.stdout


@pytest.mark.long
def test_the_command_rehearses_an_update(deployed: Deployed) -> None:
    """With a cloud of its own; the lock is on version 1 again, and `--to` names version 2."""
    stages = deployed.folder / "rehearsed.yaml"
    stages.write_text(STAGES)
    lock = deployed.lock.read_bytes()
    words = ("--to", "2", "--model", "digits", "--requests", "40", "--stages", str(stages))
    found = json.loads(lading(deployed.folder, "emulate", "--once", "--json", *words))
    assert [(it["from"], it["to"], it["status"]) for it in found["shifts"]] == [
        (1, 2, "Succeeded"),
        (2, 1, "Succeeded"),
    ]
    assert deployed.lock.read_bytes() == lock
