"""The hook's entries, against the real service behind the AWS calls."""

import json
from pathlib import Path

import pytest

from tests.functions.traffic_hook.aws import LocalAws
from tests.functions.traffic_hook.conftest import golden


def written(folder: Path, factor: float) -> str:
    path = folder / "golden.json"
    path.write_bytes(golden(factor))
    return str(path)


@pytest.mark.parametrize("yaml", [False, True])
def test_a_version_that_gives_the_golden_answers_may_take_traffic(
    aws: LocalAws, tmp_path: Path, yaml: bool
) -> None:
    aws.yaml = yaml
    told = aws.shift("check", written(tmp_path, 2.0))
    assert aws.statuses == ["Succeeded"]
    assert aws.invoked == ["7", "7", "7"]
    assert told[-1]["failure"] is None


def test_a_version_that_answers_otherwise_may_not_and_the_difference_is_logged(
    aws: LocalAws, tmp_path: Path
) -> None:
    told = aws.shift("check", written(tmp_path, 3.0))
    assert aws.statuses == ["Failed"]
    assert told[-1]["failure"].split("; ") == [
        "golden request 0: output 'y'[0][0] is 2.0, expected 3.0 (tolerance 0.001 of it + 0.0001)",
        "golden request 1: output 'y'[0][0] is 1.0, expected 1.5 (tolerance 0.001 of it + 0.0001)",
    ]


def test_golden_requests_are_read_from_s3(aws: LocalAws) -> None:
    aws.objects["bucket/models/m/golden/1f.json"] = golden(2.0)
    aws.shift("check", "s3://bucket/models/m/golden/1f.json")
    assert aws.statuses == ["Succeeded"]


@pytest.mark.parametrize("place", ["s3://bucket/absent.json", "/nowhere/golden.json"])
def test_without_golden_requests_nothing_shifts(aws: LocalAws, place: str) -> None:
    told = aws.shift("check", place)
    assert aws.statuses == ["Failed"]
    assert "the check failed" in told[-1]["failure"]


def test_a_layer_of_another_publisher_must_have_the_expected_digest(aws: LocalAws) -> None:
    arn = "arn:aws:lambda:eu-central-1:753240598075:layer:LambdaAdapterLayerX86:30"
    aws.told = {"LADING_LAYER": arn, "LADING_LAYER_SHA256": "expected="}
    aws.layers[arn] = "expected="
    aws.shift("check", "")
    aws.layers[arn] = "altered="
    told = aws.shift("check", "")
    assert (aws.statuses, aws.invoked) == (["Succeeded", "Failed"], ["7"])
    assert "has the SHA-256 altered=, expected expected=" in told[-1]["failure"]


def test_without_any_golden_requests_it_is_enough_to_be_ready(aws: LocalAws) -> None:
    aws.shift("check", "")
    assert (aws.statuses, aws.invoked) == (["Succeeded"], ["7"])


@pytest.mark.parametrize(("factor", "status"), [(3.0, "Succeeded"), (5.0, "Failed")])
def test_every_version_that_answers_side_by_side_is_checked(
    both: LocalAws, tmp_path: Path, factor: float, status: str
) -> None:
    place = tmp_path / "beside.json"
    place.write_bytes(golden(factor))
    both.told = {"LADING_GOLDEN_BESIDE": json.dumps({"2": [str(place), ""]})}
    told = both.shift("check", written(tmp_path, 2.0))
    assert both.statuses == [status]
    assert both.invoked == ["7"] * 6
    failure = told[-1]["failure"]
    assert failure is None if status == "Succeeded" else "is 3.0, expected 5.0" in failure


def test_its_requests_are_not_counted_by_the_alarms_of_the_function(
    aws: LocalAws, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.shift("check", written(tmp_path, 2.0))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    requests = [line for line in lines if line["message"] == "request"]
    assert len(requests) == 3
    for line in requests:
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert directive["Dimensions"] == [["model", "version", "dialect"]]


@pytest.mark.parametrize(
    "refusal", ["AccessDeniedException", "ResourceConflictException", "SnapStartNotReadyException"]
)
def test_what_a_deployment_has_just_made_is_waited_for(
    aws: LocalAws, tmp_path: Path, refusal: str
) -> None:
    aws.refusals = [refusal]
    aws.shift("check", written(tmp_path, 2.0))
    assert aws.statuses == ["Succeeded"]


def test_any_other_refusal_is_told_at_once(aws: LocalAws, tmp_path: Path) -> None:
    aws.refusals = ["InvalidParameterValueException"]
    told = aws.shift("check", written(tmp_path, 2.0))
    assert aws.statuses == ["Failed"]
    assert "InvalidParameterValue" in told[-1]["failure"]


def test_a_crash_is_told_as_one(aws: LocalAws, tmp_path: Path) -> None:
    aws.crashes = True
    told = aws.shift("check", written(tmp_path, 2.0))
    assert aws.statuses == ["Failed"]
    assert "out of memory" in told[-1]["failure"]


def test_a_first_version_is_checked_before_the_alias_is_made(aws: LocalAws, tmp_path: Path) -> None:
    aws.resource("Create", written(tmp_path, 2.0))
    (answer,) = aws.responses
    assert (answer["Status"], answer["Reason"]) == ("SUCCESS", "")
    assert (answer["StackId"], answer["RequestId"]) == ("stack", "request")
    assert aws.invoked == ["7", "7", "7"]


def test_a_first_version_that_answers_otherwise_fails_the_stack_with_the_difference(
    aws: LocalAws, tmp_path: Path
) -> None:
    aws.resource("Create", written(tmp_path, 3.0))
    (answer,) = aws.responses
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith("model 'm': golden request 0: output 'y'[0][0] is 2.0")


@pytest.mark.parametrize(("kind", "always", "checks"), [
    ("Update", "false", 0),
    ("Update", "true", 3),
    ("Delete", "true", 0),
])  # fmt: skip
def test_an_update_is_checked_only_where_codedeploy_does_not(
    aws: LocalAws, tmp_path: Path, kind: str, always: str, checks: int
) -> None:
    aws.resource(kind, written(tmp_path, 2.0), Always=always)
    assert len(aws.invoked) == checks
    assert aws.responses[0]["Status"] == "SUCCESS"


def test_versions_that_no_longer_serve_are_deleted(aws: LocalAws) -> None:
    aws.aliases = {"live": 7, "pinned": 4}
    aws.shift("after_traffic", "")
    assert aws.versions == [4, 6, 7]
    assert aws.statuses == ["Succeeded"]


def test_a_version_that_cannot_be_deleted_fails_no_roll_out(aws: LocalAws) -> None:
    aws.undeletable = {4}
    told = aws.shift("after_traffic", "")
    assert aws.versions == [4, 6, 7]
    assert aws.statuses == ["Succeeded"]
    assert "in use" in told[0]["kept_because"]


@pytest.mark.parametrize(("passes", "status"), [(True, "Succeeded"), (False, "Failed")])
def test_the_judge_has_the_last_word(aws: LocalAws, passes: bool, status: str) -> None:
    aws.judge, aws.judged = "judge-m", {"passes": passes, "verdict": "worse"}
    aws.shift("after_traffic", "")
    assert aws.statuses == [status]
    assert (aws.versions == [4, 5, 6, 7]) is not passes, "a version that goes back deletes none"


@pytest.mark.parametrize(
    ("on_broken", "status"), [("hold", "Succeeded"), ("roll_back", "Failed"), ("", "Failed")]
)
def test_where_the_judge_crashes_the_stage_decides(
    aws: LocalAws, on_broken: str, status: str
) -> None:
    aws.judge, aws.on_broken = "judge-m", on_broken
    told = aws.shift("after_traffic", "")
    assert aws.statuses == [status]
    assert "out of memory" in told[0]["failure"]
