"""Trains in SageMaker: one job, followed to its end; the result lies where a local one would."""

import tarfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lading.model_packaging.store.durable import exclusive
from lading.training.channels import Objects
from lading.training.errors import CloudRefused, ScriptFailed
from lading.training.local import finished
from lading.training.output import OnLine, Output
from lading.training.recipe import Recipe
from lading.training.runs import Run, begin, complete, find_run, folder_of, texts_of
from lading.training.sagemaker.request import Cloud, job_name, job_request, upload_inputs
from lading.training.sagemaker.resources import Resources

ENDED = ("Completed", "Failed", "Stopped")
LOGS = "CloudWatch's log group /aws/sagemaker/TrainingJobs, stream"


def train_there(recipe: Recipe, cloud: Cloud, objects: Objects, on_line: OnLine) -> Run:
    """Train in SageMaker, or return the complete training of the same recipe.

    Args:
        recipe: what to train.
        cloud: where.
        objects: the way to S3.
        on_line: called with each line of the job's log.

    Raises:
        ScriptFailed: the job failed or was stopped.
        TrainingError: the manifest names no image, the script left no model, or a metric never
            appeared.
        CloudRefused: AWS refused a request.
        KeyboardInterrupt: the job was stopped.
    """
    with exclusive(folder_of(recipe.spec) / f".{recipe.key[7:23]}.guard"):
        if known := find_run(recipe):
            return known
        request = job_request(recipe, cloud, {})
        request = job_request(recipe, cloud, upload_inputs(recipe, cloud, objects))
        resources, name = Resources(recipe.spec.place("train"), cloud.region), job_name(recipe)
        job = resources.create_job(name, texts_of(recipe), request)
        on_line(f"training job {name} on {recipe.train.instance}")
        output = Output(recipe.train.metrics, on_line)
        try:
            follow(resources, job, cloud, output)
        except KeyboardInterrupt:
            resources.stop(job)
            raise
        return fetch(recipe, job, objects, output.metrics)


def follow(resources: Resources, job: Any, cloud: Cloud, output: Output) -> None:
    """Pass on a job's log until it has ended."""
    seen: dict[str, str] = {}
    state = ""
    while True:
        resources.refresh(job)
        if (now := f"{job.secondary_status}") != state:
            state = now
            output.on_line(f"[{state}]")
        ended = job.training_job_status in ENDED
        for line in resources.log_lines(job.training_job_name, seen):
            output.feed(f"{line}\n".encode())
        if ended:
            return
        time.sleep(cloud.poll_seconds)


def fetch(recipe: Recipe, job: Any, objects: Objects, metrics: Mapping[str, float]) -> Run:
    """Make the result of a job a complete training on this machine.

    Raises:
        ScriptFailed: the job has failed, or was stopped.
    """
    output = Output({})
    if job.training_job_status != "Completed":
        raise _failed(recipe, job, output)
    run = begin(recipe, recipe.train.instance)
    address = str(job.model_artifacts.s3_model_artifacts)
    arrived = run.folder / "arrived"
    objects.download(address.rpartition("/")[0], arrived)
    _unpack(recipe, arrived / "model.tar.gz", run.model)
    _unpack(recipe, arrived / "output.tar.gz", run.base / "output" / "data")
    for path in arrived.iterdir():
        path.unlink()
    arrived.rmdir()
    found = {**_final(job), **metrics}
    record = finished(recipe, run.base, found)
    return complete(run, recipe, {**record, "job": _job(job)})


def _failed(recipe: Recipe, job: Any, output: Output) -> ScriptFailed:
    name, status = job.training_job_name, job.training_job_status
    reason = getattr(job, "failure_reason", None)
    told = reason if isinstance(reason, str) else ""
    output.feed(told.encode(), final=True)
    place = recipe.spec.place("train.entry")
    return ScriptFailed(
        place, f"training job {name} has {status.lower()}", f"{LOGS} {name}", output.last
    )


def _unpack(recipe: Recipe, archive: Path, folder: Path) -> None:
    """Unpack what a job left, without links out of the folder, owners or devices."""
    try:
        with tarfile.open(archive) as content:
            content.extractall(folder, filter="data")
    except (OSError, tarfile.TarError) as error:
        reason = f"the job left no readable {archive.name}: {error}"
        raise CloudRefused(recipe.spec.place("train.entry"), reason) from error


def _final(job: Any) -> dict[str, float]:
    """Return the metrics that SageMaker read from the log."""
    found = job.final_metric_data_list
    return {each.metric_name: each.value for each in found} if isinstance(found, list) else {}


def _job(job: Any) -> dict[str, Any]:
    """Return the part of the record that only SageMaker knows."""
    seconds = (job.training_time_in_seconds, job.billable_time_in_seconds)
    took, billed = (each if isinstance(each, int) else None for each in seconds)
    return {"name": job.training_job_name, "seconds": took, "billable_seconds": billed}
