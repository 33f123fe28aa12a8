"""Searches in SageMaker: one tuning job; its best training becomes the result of the search.

SageMaker proposes the parameters, so nothing of the search is on this machine: one that was stopped
does not continue. Each trial is a training job under the same contract.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lading.model_packaging.manifest.training import Scalar, SearchRange, SearchSpec
from lading.model_packaging.store.durable import exclusive
from lading.training.channels import Objects
from lading.training.errors import ScriptFailed
from lading.training.local import require_metrics
from lading.training.output import OnLine, Output
from lading.training.recipe import Recipe
from lading.training.runs import Run, find_run, folder_of, text_of
from lading.training.sagemaker.jobs import ENDED, LOGS, fetch
from lading.training.sagemaker.request import Cloud, tuning_name, tuning_request, upload_inputs
from lading.training.sagemaker.resources import Resources
from lading.training.search import finish, trial_of


@dataclass(slots=True)
class _Trial:
    """What is known of one trial."""

    parameters: Mapping[str, Scalar]
    output: Output
    seen: dict[str, str] = field(default_factory=dict)
    status: str = "InProgress"


def search_there(recipe: Recipe, cloud: Cloud, objects: Objects, on_line: OnLine) -> Run:
    """Search in SageMaker, or return the complete training of the same search.

    Args:
        recipe: the recipe of the search.
        cloud: where.
        objects: the way to S3.
        on_line: called with each line of the trials' logs.

    Raises:
        ScriptFailed: no trial succeeded, or the tuning job was stopped.
        TrainingError: the manifest names no image, the best trial left no model, or a metric never
            appeared.
        CloudRefused: AWS refused a request.
        KeyboardInterrupt: the tuning job was stopped, with its trials.
    """
    with exclusive(folder_of(recipe.spec) / f".{recipe.key[7:23]}.guard"):
        if known := find_run(recipe):
            return known
        request = tuning_request(recipe, cloud, {})
        request = tuning_request(recipe, cloud, upload_inputs(recipe, cloud, objects))
        resources = Resources(recipe.spec.place_of_training("search"), cloud.region)
        name, trials = tuning_name(recipe), dict[str, _Trial]()
        tuning = resources.create_tuning(name, request)
        on_line(f"tuning job {name} on {recipe.train.instance}")
        try:
            while _look(resources, tuning, _search(recipe), recipe, trials, on_line):
                time.sleep(cloud.poll_seconds)
        except KeyboardInterrupt:
            resources.stop(tuning)
            raise
        for each in trials.values():
            if each.status == "Completed":
                require_metrics(recipe, each.output.metrics)
        best = getattr(tuning.best_training_job, "training_job_name", None)
        if tuning.hyper_parameter_tuning_job_status == "Stopped" or best not in trials:
            raise _failed(recipe, tuning, trials)
        won = trials[best]
        job, trial = resources.job(best), trial_of(recipe, won.parameters)
        run = fetch(trial, job, objects, won.output.metrics)
        failed = sum(each.status != "Completed" for each in trials.values())
        return finish(recipe, run, len(trials), failed)


def _look(  # noqa: PLR0913, PLR0917 - the parts of one search
    resources: Resources,
    tuning: Any,
    search: SearchSpec,
    recipe: Recipe,
    trials: dict[str, _Trial],
    on_line: OnLine,
) -> bool:
    """Pass on what the trials have logged since the last look; return whether they go on."""
    resources.refresh(tuning)
    going = tuning.hyper_parameter_tuning_job_status not in ENDED
    for summary in resources.trials(tuning):
        name = summary.training_job_name
        if name not in trials:
            values = _values(search.ranges, summary.tuned_hyper_parameters)
            shown = ", ".join(f"{key} {value}" for key, value in values.items())
            prefix = f"trial {len(trials) + 1} of {search.trials}"
            on_line(f"{prefix}: {shown}")
            trials[name] = _Trial(values, Output(recipe.train.metrics, _prefixed(prefix, on_line)))
        trial = trials[name]
        if trial.status in ENDED:
            continue
        for line in resources.log_lines(name, trial.seen):
            trial.output.feed(f"{line}\n".encode())
        trial.status = summary.training_job_status
        if trial.status in ENDED:
            trial.output.on_line(f"[{trial.status}]")
    return going


def _prefixed(prefix: str, on_line: OnLine) -> OnLine:
    return lambda line: on_line(f"{prefix}: {line}")


def _search(recipe: Recipe) -> SearchSpec:
    assert recipe.train.search is not None
    return recipe.train.search


def _values(ranges: Mapping[str, SearchRange], texts: Mapping[str, str]) -> dict[str, Scalar]:
    """Return the parameters of a trial with the types of their ranges."""
    return {name: _value(each, texts[name]) for name, each in ranges.items()}


def _value(each: SearchRange, text: str) -> Scalar:
    if each.values:
        value: Scalar = next(known for known in each.values if text_of(known) == text)
        return value
    return int(text) if each.whole else float(text)


def _failed(recipe: Recipe, tuning: Any, trials: Mapping[str, _Trial]) -> ScriptFailed:
    """Return the error, with the last lines of the last trial."""
    name = tuning.hyper_parameter_tuning_job_name
    stopped = tuning.hyper_parameter_tuning_job_status == "Stopped"
    ending = "was stopped" if stopped else f"has no trial that succeeded, of {len(trials)}"
    last = list(trials.values())[-1].output.last if trials else ()
    place = recipe.spec.place_of_training("search")
    return ScriptFailed(place, f"tuning job {name} {ending}", f"{LOGS}s {name}-…,", tuple(last))
