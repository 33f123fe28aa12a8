"""`lading replay` and `lading feedback`, on what `lading serve --capture` keeps."""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import boto3
import pytest

from lading.api.locked import served_settings
from lading.functions.contract.capture import CaptureSettings
from lading.functions.contract.captured import CapturedRequest, Payload, to_line
from lading.functions.inference.app.application import create_app
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.observability.log import Observability
from lading.model_packaging.lock.edits import record
from lading.model_packaging.lock.file import LocalCopy, LockedVersion
from tests.cli.conftest import Lading, Result
from tests.support.driver import ask
from tests.support.s3 import aws, running
from tests.support.worlds import echo, settings_for, times

ROWS = {f"id-{number}": [[float(number), 1.0], [0.0, float(number)]] for number in range(4)}


def captured(folder: Path, **fields: Any) -> None:
    """What the service keeps of four requests, and truths about two of them."""
    settings = served_settings(folder / "models.lock.json", ())
    kept = CaptureSettings(str(folder / "captures"), feedback=True)._replace(**fields)
    settings = settings._replace(capture=kept)
    observability = Observability(settings, output=StringIO())
    app = observability.served(create_app(load_catalog(settings)))
    for identity, rows in ROWS.items():
        answer = ask(app, "POST /m/predict", {"inputs": rows}, {"x-request-id": identity})
        assert answer.status == 200
    if not fields:
        for identity, truth in (("id-0", [1, 0]), ("id-3", [0, 0])):
            told = ask(app, "POST /feedback/m", {"request_id": identity, "truth": truth})
            assert told.document["counted"] is True


@pytest.fixture(name="replaying")
def fixture_replaying(workspace: Path, lading: Lading) -> Lading:
    """The command where version 1 echoes and serves, 2 does the same and 3 doubles."""
    versions = {1: echo(), 2: echo(), 3: times(2)}
    settings = settings_for(workspace / "artifacts", {"m": versions})
    for number, digest in settings.models[0].versions.items():
        identity, copy = f"sha256:{number:064}", LocalCopy(path="artifacts")
        entry = LockedVersion(identity=identity, digest=digest, stores=(copy,))
        labels = ("stable",) if number == 1 else ()
        record(workspace / "models.lock.json", "m", number, entry, labels)
    return lading


def replayed(lading: Lading, version: int, *more: str) -> dict[str, Any]:
    words = ("replay", "m", "--capture", "captures", "--version", str(version), "--json", *more)
    result = lading(*words)
    assert result.code == 0, result.err
    found: dict[str, Any] = result.document
    return found


def test_a_version_that_answers_alike_agrees(replaying: Lading, workspace: Path) -> None:
    captured(workspace)
    found = replayed(replaying, 2)
    assert (found["requests"], found["rows"], found["differing"]) == (4, 8, [])
    assert found["agreement"]["estimate"] == 1.0
    assert 0.4 < found["agreement"]["low"] < 1.0
    assert found["outputs"] == {"y": {"rows": 8, "differ": 0, "largest_difference": 0.0}}


def test_what_differs_is_named_with_its_request(replaying: Lading, workspace: Path) -> None:
    captured(workspace)
    found = replayed(replaying, 3)
    # Only a row of zeros is twice itself.
    assert found["agreement"]["estimate"] == pytest.approx(1 / 8)
    assert found["outputs"]["y"] == {"rows": 8, "differ": 7, "largest_difference": 3.0}
    how = {each["request_id"]: each["how"] for each in found["differing"]}
    assert how.keys() == ROWS.keys()
    assert how["id-3"] == "y[0] is 6, not 3"


def test_numbers_within_the_tolerance_agree(replaying: Lading, workspace: Path) -> None:
    captured(workspace)
    assert replayed(replaying, 3, "--relative", "1.01")["agreement"]["estimate"] == 1.0


def test_too_little_agreement_is_an_exit_code(replaying: Lading, workspace: Path) -> None:
    captured(workspace)
    words = ("replay", "m", "--capture", "captures", "--version")
    assert replaying(*words, "2", "--least", "0.9").code == 0
    assert replaying(*words, "3", "--least", "0.9").code == 1


def test_both_answers_are_held_against_the_truths(replaying: Lading, workspace: Path) -> None:
    captured(workspace)
    old, new = replayed(replaying, 3)["truths"]
    # The classes are 1 and 0 of id-0, and 0 and 1 of id-3.
    assert (old["version"], old["rows"], old["accuracy"]["estimate"]) == (1, 4, 0.75)
    assert (new["version"], new["rows"], new["accuracy"]["estimate"]) == (3, 4, 0.75)


def test_a_part_of_the_requests_is_the_same_part_each_time(
    replaying: Lading, workspace: Path
) -> None:
    captured(workspace)
    some = [replayed(replaying, 3, "--most", "2") for _ in range(2)]
    assert some[0] == some[1]
    assert some[0]["requests"] == 2


def test_inputs_that_were_not_kept_cannot_be_replayed(replaying: Lading, workspace: Path) -> None:
    captured(workspace, fields=("x[0]", "y"))
    result = replaying("replay", "m", "--capture", "captures", "--version", "2")
    assert (result.code, "lacks 'x'" in result.err) == (5, True)
    assert "capture.fields" in result.err


def test_outputs_that_were_not_kept_are_not_compared(replaying: Lading, workspace: Path) -> None:
    captured(workspace, fields=("x",))
    assert replayed(replaying, 3)["outputs"] == {}


def test_the_table_is_for_people(replaying: Lading, workspace: Path) -> None:
    captured(workspace)
    out = replaying("replay", "m", "--capture", "captures", "--version", "3").out
    assert out.startswith("m version 3: 4 captured requests, 8 rows; 12.50% agree (")
    assert "y[0] is 6, not 3" in out


def feedback(lading: Lading, place: str = "captures") -> Result:
    return lading("feedback", "m", "--capture", place, "--json")


def test_feedback_shows_the_accuracy_of_each_version(replaying: Lading, workspace: Path) -> None:
    captured(workspace)
    (version,) = feedback(replaying).document["versions"]
    assert (version["version"], version["rows"]) == (1, 4)
    accuracy = version["accuracy"]
    assert (accuracy["estimate"], version["mean_absolute_error"]) == (0.75, None)
    assert accuracy["low"] < 0.75 < accuracy["high"]
    assert "75.00% (" in replaying("feedback", "m", "--capture", "captures").out


@pytest.mark.parametrize("command", ["replay", "feedback"])
def test_a_place_without_any_says_how_to_have_some(replaying: Lading, command: str) -> None:
    result = replaying(command, "m", "--capture", "nowhere")
    assert (result.code, "lading serve" in result.err) == (4, True)


def test_a_request_that_a_version_refuses_does_not_agree(
    replaying: Lading, workspace: Path
) -> None:
    wide = Payload(b'{"inputs":{"x":[[1.0,2.0,3.0]]}}')
    answer = Payload(b'{"outputs":{"y":[[1.0,2.0,3.0]],"other":[1]}}')
    (workspace / "captures").mkdir()
    line = to_line(CapturedRequest("wide", "2026-11-30T04:05:06Z", wide, answer))
    (workspace / "captures/one.jsonl").write_bytes(line)
    found = replayed(replaying, 2)
    assert (found["refused"], found["agreement"]["estimate"]) == (1, 0.0)
    assert found["outputs_without_counterpart"] == ["other"]
    assert found["differing"][0]["how"].startswith("refused: ")


@pytest.mark.parametrize("content", [b"no JSON\n", b'{"groundTruthData": 1}\n'])
def test_a_file_that_is_none_of_captures_is_named(
    replaying: Lading, workspace: Path, content: bytes
) -> None:
    (workspace / "captures").mkdir()
    (workspace / "captures/one.jsonl").write_bytes(content)
    result = replaying("replay", "m", "--capture", "captures", "--version", "2")
    assert (result.code, "one.jsonl: line 1" in result.err) == (2, True)


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with running() as url, aws(url):
        boto3.client("s3").create_bucket(
            Bucket="captures", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        yield url


def test_a_bucket_is_read_as_a_folder_is(replaying: Lading, workspace: Path, bucket: str) -> None:
    with aws(bucket):
        captured(workspace)
        here = replayed(replaying, 3)
        client = boto3.client("s3")
        for file in (workspace / "captures").rglob("*.jsonl"):
            key = f"us/{file.relative_to(workspace / 'captures')}"
            client.put_object(Bucket="captures", Key=key, Body=file.read_bytes())
        words = ("replay", "m", "--capture", "s3://captures/us", "--version", "3", "--json")
        result = replaying(*words)
        assert json.loads(result.out) == here
        assert feedback(replaying, "s3://captures/us").document == feedback(replaying).document
        missing = replaying("replay", "m", "--capture", "s3://missing", "--version", "3")
        assert (missing.code, "s3://missing" in missing.err) == (7, True)
