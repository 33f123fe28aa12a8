"""What the builds conclude; `tests/end_to_end/test_retraining.py` runs them as a whole."""

import json
from pathlib import Path
from typing import Any

import pytest

from lading.training.errors import TrainingError
from lading.training.retraining.build import EndedJob, Workplace, collect, conclude
from tests.training.conftest import NoObjects, Project

JOB = {
    "TrainingJobName": "job",
    "ModelArtifacts": {"S3ModelArtifacts": "s3://our-bucket/jobs/job/output/model.tar.gz"},
    "FinalMetricDataList": [{"MetricName": "auc", "Value": 0.5, "Timestamp": 0}],
    "TrainingTimeInSeconds": 9,
}


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(
        tmp_path / "models.lock.json", tmp_path / "package.json", tmp_path / "failure.json"
    )


def packaged(place: Workplace, **document: Any) -> None:
    place.packaged.write_text(json.dumps([{"model": "m", **document}]))


def test_what_packaging_rejected_is_what_the_build_found(
    project: Project, place: Workplace
) -> None:
    error = {"kind": "AccuracyDropped", "message": "accuracy went from 1 to 0"}
    packaged(place, error=error)
    assert conclude(project(), place) == {"error": error}


def test_what_collect_could_not_do_comes_first(project: Project, place: Workplace) -> None:
    packaged(place, version=1)
    place.failure.write_text(json.dumps({"error": {"kind": "TrainingError", "message": "no"}}))
    assert conclude(project(), place)["error"]["message"] == "no"


def test_a_version_of_the_lock_is_found_again(project: Project, place: Workplace) -> None:
    digest = f"sha256:{'5' * 64}"
    stores = [{"kind": "local", "path": "artifacts"}]
    entry = {"identity": digest, "digest": digest, "stores": stores}
    place.lock.write_text(json.dumps({"m": {"versions": {"3": entry}}}))
    packaged(place, version=3)
    assert conclude(project(), place) == {"version": 3}


def test_data_that_changed_while_the_job_ran_is_an_error(
    project: Project, place: Workplace
) -> None:
    with pytest.raises(TrainingError, match=r"models\.m\.train\.channels: changed while the job"):
        collect(project(), NoObjects(), "sha256:other", JOB, place)


def test_a_job_is_read_from_its_description() -> None:
    job = EndedJob.of(JOB)
    assert (job.training_job_name, job.billable_time_in_seconds) == ("job", 9)
    assert [(each.metric_name, each.value) for each in job.final_metric_data_list] == [("auc", 0.5)]
