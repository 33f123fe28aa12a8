"""One model placed twice, on Lambda and on SageMaker: one client script, the same answers.

A version that answers otherwise is in the endpoint's shadow. Then the endpoint is updated to a
version that fails, and its judge lets SageMaker roll it back; and to one that answers otherwise.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from botocore.exceptions import ClientError

from lading.api.settings import aws_environment
from lading.cli.emulated_stage import create_token, deploy
from lading.emulator.cloud.account import EmulatedCloud
from lading.emulator.cloud.tasks import account_client
from lading.emulator.engines.local_engines import LocalEngines
from lading.emulator.processes.server import in_background
from lading.emulator.sagemaker.capture import Capture
from lading.emulator.sagemaker.endpoint import Fleet
from lading.emulator.sagemaker.locked_endpoints import locked_endpoints
from lading.emulator.sagemaker.metrics import Publisher
from lading.emulator.sagemaker.runtime import SageMakerRuntime
from lading.emulator.sagemaker.shadow import LocalShadow
from lading.emulator.sagemaker.updates import Updates
from lading.functions.contract.judging import JUDGE
from lading.functions.endpoint_check.lambda_handler import check
from lading.functions.evidence.counts import total
from lading.functions.inference.artifact.specification import ENGINE
from lading.functions.judge.records import OwnLog
from lading.model_packaging.lock.file import version_folder
from lading.stacks.stages.settings import Deployment, load_deployment
from tests.emulator.harness import TOOLS
from tests.end_to_end.conftest import guide_commands, lading, lading_in
from tests.support.emulator_sagemaker import contrary
from tests.support.responses import responses
from tests.support.waiting import until
from tests.support.worlds import add_sub

# gevent, which the stock client uses, warns of its own doings.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning:gevent.*")]

PLACES = ("small", "large")
MANIFEST = """
models:
  small: {source: model.onnx}
  large: {source: model.onnx, target: sagemaker, twin: small}
"""
STAGES = """
stages:
  dev:
    judge: {least_requests: 20}
    models:
      large:
        shadow: {version: 1, percent: 100}
        sagemaker: {count: {min: 2, max: 2}}
"""
WORSE, OTHER = "config-of-version-3", "config-of-version-1"
ROWS = {
    "a": np.array([[1, 2, 3], [4.5, -1, 0]], np.float32),
    "b": np.array([[0.5, 0.25, 4], [1, 1, 1e6]], np.float32),
}
EXPECTED = {"sum": ROWS["a"] + ROWS["b"], "difference": ROWS["a"] - ROWS["b"]}
Answer = dict[str, Any]


@dataclass(frozen=True)
class Placed:
    """The API, and the account behind it."""

    api: httpx.Client
    folder: Path
    deployment: Deployment
    environment: Mapping[str, str]


@pytest.fixture(scope="module")
def placed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Placed]:
    folder = tmp_path_factory.mktemp("placed")
    (folder / "models.yaml").write_text(MANIFEST)
    for swapped in (True, False):  # versions 1 and 2
        (folder / "model.onnx").write_bytes(add_sub(swapped=swapped))
        lading(folder, "package")
    (folder / "stages.yaml").write_text(STAGES)
    manifest, lock = folder / "models.yaml", folder / "models.lock.json"
    deployment = load_deployment(folder / "stages.yaml", "dev", local=True)
    logs = folder / ".lading/emulate"
    room = LocalEngines(logs, logs / "engines", TOOLS)
    (found,) = locked_endpoints(PLACES, lock, room, deployment.names.function)
    worse = Fleet(WORSE, contrary(logs, "fails"), "3")
    before = version_folder(lock, "large", 1) / ENGINE
    hidden = room.engine("shadow", "triton", before)
    other = Fleet(OTHER, room.engine("other", "triton", before), "1")
    with ExitStack() as stack:
        cloud = stack.enter_context(EmulatedCloud(logs))
        connect = partial(account_client(cloud.environment), "cloudwatch")
        updates = Updates({WORSE: worse, OTHER: other}, alarms=connect)
        note, buckets = Publisher(connect).note, list[str]()

        def store(key: str, content: bytes) -> None:
            client = account_client(cloud.environment)("s3")
            client.put_object(Bucket=buckets[0], Key=key, Body=content)

        found.mirror = LocalShadow(hidden, 1.0, Capture("captures/2-1", store), note)
        sagemaker = SageMakerRuntime([found], updates=updates, note=note)
        port = stack.enter_context(in_background(sagemaker, sagemaker))
        cloud.bootstrap()
        runtime = f"http://127.0.0.1:{port}"
        url = deploy(cloud, deployment, manifest, lock, runtime)
        client = account_client(cloud.environment)("lambda")
        function = client.get_function_configuration(FunctionName=found.name)
        buckets.append(function["Environment"]["Variables"]["LADING_JOBS_BUCKET"])
        environment = {**cloud.environment, "AWS_ENDPOINT_URL_SAGEMAKER": runtime}
        bearer = {"Authorization": f"Bearer {create_token(cloud, deployment)}"}
        with httpx.Client(base_url=url, headers=bearer, timeout=60) as api_client:
            yield Placed(api_client, folder, deployment, environment)


@pytest.fixture(scope="module")
def api(placed: Placed) -> httpx.Client:
    """A client of the API, with a good token."""
    return placed.api


def plain(api: httpx.Client, model: str, base: str) -> Answer:
    path = f"{base}/predict" if base else f"/predict/{model}"
    body = {"inputs": {name: rows.tolist() for name, rows in ROWS.items()}}
    answer = api.post(path, json=body).raise_for_status().json()
    return dict(answer["outputs"])


def tensorflow_serving(api: httpx.Client, model: str, base: str) -> Answer:
    body = {"inputs": {name: rows.tolist() for name, rows in ROWS.items()}}
    answer = api.post(f"{base}/v1/models/{model}:predict", json=body).raise_for_status().json()
    return dict(answer["outputs"])


def open_inference(api: httpx.Client, model: str, base: str, *, binary: bool) -> Answer:
    """Triton's own client."""
    url = str(api.base_url).removeprefix("http://").rstrip("/")
    client = triton.InferenceServerClient(f"{url}{base}")
    # The client sends neither type; the emulated gateway would take both bodies for text then.
    types = {"Content-Type": "application/octet-stream", "Accept": "*/*"}
    headers = {"Authorization": api.headers["Authorization"], **types}
    tensors = []
    for name, rows in ROWS.items():
        tensors.append(triton.InferInput(name, list(rows.shape), "FP32"))
        tensors[-1].set_data_from_numpy(rows, binary_data=binary)
    wanted = [triton.InferRequestedOutput(name, binary_data=binary) for name in EXPECTED]
    answer = client.infer(model, tensors, outputs=wanted, headers=headers)
    client.close()
    return {name: answer.as_numpy(name) for name in EXPECTED}


def script(api: httpx.Client, model: str, base: str) -> list[Answer]:
    """What a client of every dialect hears of one model."""
    return [
        plain(api, model, base),
        tensorflow_serving(api, model, base),
        open_inference(api, model, base, binary=False),
        open_inference(api, model, base, binary=True),
    ]


@pytest.mark.parametrize("below_the_model", [True, False], ids=["/model", "/"])
def test_the_same_script_gets_the_same_answers_from_either_place(
    api: httpx.Client, below_the_model: bool
) -> None:
    for model in PLACES:
        for answer in script(api, model, f"/{model}" if below_the_model else ""):
            for name, expected in EXPECTED.items():
                np.testing.assert_array_equal(np.asarray(answer[name], np.float32), expected)


@pytest.mark.parametrize("model", PLACES[1:])
def test_long_work_is_taken_now_and_its_answer_fetched_later(api: httpx.Client, model: str) -> None:
    body = {"inputs": {name: rows.tolist() for name, rows in ROWS.items()}}
    accepted = api.post(f"/{model}/predict/async", json=body)
    assert accepted.status_code == 202, accepted.text
    path = f"/{model}/jobs/{accepted.json()['job']}"
    until(lambda: api.get(path).json()["state"] in {"done", "failed"})
    job = api.get(path).json()
    assert job["state"] == "done", job
    answer = httpx.get(job["result"]["url"], timeout=60).json()
    for name, expected in EXPECTED.items():
        np.testing.assert_array_equal(np.asarray(answer["outputs"][name], np.float32), expected)


def test_a_repeated_request_with_a_key_gets_the_first_answer(api: httpx.Client) -> None:
    def send(key: str, rows: dict[str, np.ndarray[Any, Any]]) -> httpx.Response:
        body = {"inputs": {name: values.tolist() for name, values in rows.items()}}
        return api.post("/large/predict", json=body, headers={"Idempotency-Key": key})

    first, again = send("one", ROWS), send("one", ROWS)
    assert first.status_code == 200, first.text
    assert (again.status_code, again.content) == (200, first.content)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    other = {name: rows + 1 for name, rows in ROWS.items()}
    assert send("one", other).status_code == 422


def test_both_describe_themselves_alike(api: httpx.Client) -> None:
    described = [api.get(f"/{it}/v2/models/{it}").raise_for_status().json() for it in PLACES]
    tensors = [[it["inputs"], it["outputs"]] for it in described]
    assert tensors[0] == tensors[1]


@pytest.mark.parametrize(
    "body", [b"oops", b"{}", json.dumps({"inputs": {"a": [[1, 2]], "b": [[1, 2]]}}).encode()]
)
def test_bad_input_is_refused_alike(api: httpx.Client, body: bytes) -> None:
    answers = [api.post(f"/{it}/predict", content=body) for it in PLACES]
    assert [it.status_code for it in answers] == [400, 400]
    texts = [it.text.replace(name, "model") for it, name in zip(answers, PLACES, strict=True)]
    assert texts[0] == texts[1]


def test_answers_of_the_version_in_the_shadow_are_compared_and_no_caller_sees_them(
    placed: Placed,
) -> None:
    """Versions 2 and 1 agree where `b` is 0, and nowhere else."""
    before = compared(placed)
    for number in range(10):
        inputs = {"a": [[1, 2, 3]], "b": [[0, 0, 0]] if number % 2 else [[5, 1, 0.5]]}
        answer = placed.api.post("/large/predict", json={"inputs": inputs}).raise_for_status()
        np.testing.assert_array_equal(
            answer.json()["outputs"]["sum"], np.add(inputs["a"], inputs["b"])
        )
    until(lambda: compared(placed)["pairs"] >= before["pairs"] + 10)
    found = compared(placed)
    assert (found["first"], found["second"], found["alone"]) == ("2", "1", 0)
    for agreement in ("classes", "scores"):
        assert agreed(found, agreement) - agreed(before, agreement) == 5
    assert all(one[1] > 0 < other[1] for one, other in found["latency"].values())
    assert found["latency"].keys() == {"p50", "p90"}


def agreed(found: Any, what: str) -> int:
    """How many pairs of answers agree, from their share."""
    return round(found[what][1] * found["pairs"]) if found[what] else 0


def compared(placed: Placed) -> Any:
    words = ("compare", "large", "2", "1", "--shadow", "--json")
    told = lading_in(placed.folder, placed.environment, *words)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def policy(alarm: str) -> dict[str, Any]:
    """A canary that bakes for an hour, and goes back when the alarm goes off."""
    size = {"Type": "CAPACITY_PERCENT", "Value": 30}
    routing = {"Type": "CANARY", "CanarySize": size, "WaitIntervalInSeconds": 3600}
    return {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
    }


def shifted(client: Any, endpoint: str) -> bool:
    """Whether the new fleet of an update gets requests."""
    pending = client.describe_endpoint(EndpointName=endpoint)["PendingDeploymentSummary"]
    (variant,) = pending["ProductionVariants"]
    return bool(variant["VariantStatus"][-1]["Status"] == "Baking")


class Patience:
    """Lambda's context, of a function with some time left."""

    def get_remaining_time_in_millis(self) -> int:
        return 120_000


def test_a_worse_version_of_the_endpoint_is_rolled_back_and_the_deployment_fails_with_the_figures(
    placed: Placed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SageMaker shares requests between two fleets, until the judge's alarm goes off."""
    names = placed.deployment.names
    endpoint, judge = names.function("large"), names.hook("large", "update-judge")
    with aws_environment(placed.environment), responses() as told:
        client: Any = boto3.client("sagemaker")
        wanted = {"EndpointName": endpoint, "EndpointConfigName": WORSE}
        deployment = policy(f"{endpoint}-update-worse")
        client.update_endpoint(**wanted, DeploymentConfig=deployment)
        with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
            client.update_endpoint(**wanted)
        until(lambda: shifted(client, endpoint))
        body = {"inputs": {name: rows.tolist() for name, rows in ROWS.items()}}
        asked = [placed.api.post("/large/predict", json=body).status_code for _ in range(100)]
        # The minutes are over for this look; a look of the schedule may have been earlier.
        event = {"now_ms": int(time.time() * 1000) + 180_000}
        boto3.client("lambda").invoke(FunctionName=judge, Payload=json.dumps(event).encode())
        monkeypatch.setenv(JUDGE.function, judge)
        monkeypatch.setenv(JUDGE.on_broken, "roll_back")
        group = f"/aws/sagemaker/Endpoints/{endpoint}"
        properties = {"Endpoint": endpoint, "Config": WORSE, "LogGroup": group, "LogDays": "7"}
        check(
            {
                "RequestType": "Update",
                "ResponseURL": told.url,
                "StackId": "stack",
                "RequestId": "request",
                "LogicalResourceId": "EndpointCheck",
                "ResourceProperties": properties,
                "OldResourceProperties": {**properties, "Config": endpoint},
            },
            Patience(),
        )
    assert asked.count(200) > asked.count(500) > 5
    (reported,) = told.documents
    assert reported["Status"] == "FAILED"
    assert (
        f"runs {endpoint}, not {WORSE}: SageMaker has rolled the update back"
        in (reported["Reason"])
    )
    failed = asked.count(500)
    assert f"new version 3: {failed} of {failed} requests failed" in reported["Reason"]
    assert "old version 2: 0 of " in reported["Reason"]
    status = lading_in(placed.folder, placed.environment, "rollout", "status", "large", "--json")
    assert status.returncode == 3
    found = json.loads(status.stdout)
    assert (found["verdict"], found["final"]) == ("worse", True)
    assert (found["old"]["version"], found["new"]["version"]) == ("2", "3")
    assert {placed.api.post("/large/predict", json=body).status_code for _ in range(5)} == {200}


def test_the_guides_commands_show_the_update_and_the_shadow_of_an_endpoint(placed: Placed) -> None:
    """After the test above: SageMaker has rolled version 3 back, and version 1 is in the shadow."""
    instead = {"prod": "dev", "digits": "large", "3": "2", "4": "1"}
    for words in guide_commands("roll-outs.md", "rollout", **instead):
        told = lading_in(placed.folder, placed.environment, *words)
        assert told.returncode == 3, told.stderr
        assert "large 2 -> 3" in told.stdout
    compared = guide_commands("roll-outs.md", "compare", **instead)
    (shadow,) = (words for words in compared if "--shadow" in words)
    told = lading_in(placed.folder, placed.environment, *shadow)
    assert told.returncode == 0, told.stderr
    assert "answered by version 2, and by version 1 in its shadow" in told.stdout


def test_what_both_fleets_of_an_update_answer_is_counted_apart(placed: Placed) -> None:
    """Triton names the version of its model in each answer; here both fleets are real ones."""
    names = placed.deployment.names
    endpoint, judge = names.function("large"), names.hook("large", "update-judge")
    body = {"inputs": {name: rows.tolist() for name, rows in ROWS.items()}}
    with aws_environment(placed.environment):
        client: Any = boto3.client("sagemaker")
        wanted = {"EndpointName": endpoint, "EndpointConfigName": OTHER}
        client.update_endpoint(**wanted, DeploymentConfig=policy("of-no-judge"))
        until(lambda: shifted(client, endpoint))
        answers = [placed.api.post("/large/predict", json=body).json() for _ in range(40)]
        event = {"now_ms": int(time.time() * 1000) + 180_000}
        boto3.client("lambda").invoke(FunctionName=judge, Payload=json.dumps(event).encode())
        counted = [*OwnLog(judge).kept(f"{endpoint}/{OTHER}", 0).values()]
    sums = [answer["outputs"]["sum"] for answer in answers]
    of_old = sums.count(EXPECTED["sum"].tolist())
    assert 0 < of_old < len(sums)
    assert sums.count(EXPECTED["difference"].tolist()) == len(sums) - of_old
    old, new = (total(getattr(it, side) for it in counted) for side in ("old", "new"))
    assert new.classes == {"1": len(sums) - of_old}
    assert old.classes["2"] >= of_old
