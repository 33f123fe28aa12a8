"""The state machine of a batch on bad days, executed in an emulated account.

S3 throttles, the function dies, one row is poisoned, and one is longer than Lambda's payload limit.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lading.cli.emulated_stage import deploy
from lading.emulator.cloud.account import EmulatedCloud
from lading.emulator.cloud.tasks import account_client
from lading.functions.contract.limits import LAMBDA
from lading.stacks.stages.settings import ALIAS, load_deployment
from tests.end_to_end.conftest import lading, lading_in
from tests.support.batches import errors, lines
from tests.support.faulty_network import Fault, Network, faulty
from tests.support.worlds import times

pytestmark = [pytest.mark.slow, pytest.mark.long]

UNLUCKY, LETHAL, LETHAL_ONCE = 13, 66, 67
CODE = f"""
import os, signal
from pathlib import Path

def preprocess(arrays):
    if (arrays["x"] == {UNLUCKY}).any():
        raise ValueError("13 brings bad luck")
    died = Path("FOLDER", "died")
    lethal = (arrays["x"] == {LETHAL}).any()
    if lethal or ((arrays["x"] == {LETHAL_ONCE}).any() and not died.exists()):
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return arrays
"""
MANIFEST = """
models:
  frail:
    source: frail.onnx
    code: {file: own.py, inputs: {x: {shape: [batch, width], datatype: FP32}}}
"""
STAGES = "stages: {bad: {auth: token, models: {frail: {batch: {concurrency: 2}}}}}\n"
WIDE = [1.5] * (LAMBDA.request_bytes // 4)
"""A row whose text is longer than what a function may be sent."""


class Frail(NamedTuple):
    """A deployed model, and the network between its function and S3."""

    folder: Path
    cloud: EmulatedCloud
    network: Network

    def batch(self, *more: str) -> Any:
        """Run the batch, and give what it did."""
        words = ("-i", "rows.jsonl", "-o", "answers.jsonl", "--chunk-rows", "4", "--on", "aws")
        asked = ("batch", "frail", *words, "--stage", "bad", "--json", *more)
        done = lading_in(self.folder, self.cloud.environment, *asked)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def frail(cloud: EmulatedCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frail]:
    folder = tmp_path_factory.mktemp("frail")
    (folder / "frail.onnx").write_bytes(times(2))
    (folder / "own.py").write_text(CODE.replace("FOLDER", str(folder)))
    (folder / "models.yaml").write_text(MANIFEST)
    (folder / "stages.yaml").write_text(STAGES)
    lading(folder, "package")
    deployment = load_deployment(folder / "stages.yaml", "bad", local=True)
    deploy(cloud, deployment, folder / "models.yaml", folder / "models.lock.json")
    with faulty(cloud.endpoint) as network:
        lead_through(cloud, deployment.names.function("frail"), network.url)
        yield Frail(folder, cloud, network)


def lead_through(cloud: EmulatedCloud, function: str, network: str) -> None:
    """Have a function reach S3 by another network."""
    functions: Any = account_client(cloud.environment)("lambda")
    found = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    variables = {**found, "AWS_ENDPOINT_URL_S3": network}
    functions.update_function_configuration(
        FunctionName=function, Environment={"Variables": variables}
    )
    version = functions.publish_version(FunctionName=function)["Version"]
    functions.update_alias(FunctionName=function, Name=ALIAS, FunctionVersion=version)


def test_only_rows_that_cannot_be_answered_have_none_and_none_is_missing_or_twice(
    frail: Frail,
) -> None:
    rows: list[list[float]] = [[number, 1] for number in range(20, 44)]
    rows[5] = [UNLUCKY, 1]
    rows[9] = [LETHAL_ONCE, 1]
    rows[14] = WIDE
    rows[21] = [LETHAL, 1]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (frail.folder / "rows.jsonl").write_text(text)
    throttled: list[Fault] = ["throttled"] * 6
    frail.network.will("throttled", "none", "unavailable", *throttled)
    done = frail.batch()
    assert frail.network.coming == []
    assert frail.network.requests > 9
    assert (frail.folder / "died").exists()
    answers = {it["row"]: it["y"] for it in lines(frail.folder / "answers.jsonl")}
    failed = {it["row"]: it["error"] for it in errors(frail.folder / "answers.jsonl")}
    assert (done["rows"], done["answered"], done["failed"]) == (24, len(answers), len(failed))
    assert sorted([*answers, *failed]) == [*range(24)]
    assert failed.pop(5) == "InvalidInput"
    assert 21 in failed
    assert set(failed.values()) == {"PartFailed"}
    assert len(failed) <= 4  # the part of the lethal row
    assert answers == {row: [2 * x for x in rows[row]] for row in answers}
    again = frail.batch("--overwrite")
    assert {key: again[key] for key in ("rows", "answered", "failed")} == {
        key: done[key] for key in ("rows", "answered", "failed")
    }
    assert again["id"] != done["id"]  # another execution has tried the lethal row's part again
