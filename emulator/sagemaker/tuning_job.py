"""One tuning job of the emulated training API: its trials are training jobs that really run.

SageMaker proposes parameters by Bayesian optimization; here they are drawn at random, by a fixed
seed, which is its strategy `Random`.
"""

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from lading.emulator.sagemaker.job_thread import JobThread
from lading.emulator.sagemaker.training_job import TrainingJob

CreateJob = Callable[[Mapping[str, Any]], TrainingJob]

_SEED = 0
_SHARED = (
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
    "EnableManagedSpotTraining",
    "CheckpointConfig",
    "Environment",
)
"""What a training job takes from the definition of a tuning job."""


@dataclass
class TuningJob:
    """A tuning job, from its request to its end.

    Args:
        name: its name.
        request: its request.
        create: starts a training job.
    """

    name: str
    request: Mapping[str, Any]
    create: CreateJob
    status: str = "InProgress"
    created: float = field(default_factory=time.time)
    trials: list[TrainingJob] = field(default_factory=list)
    _thread: JobThread = field(default_factory=JobThread)

    def start(self) -> None:
        """Run in the background."""
        self._thread.start(self._run)

    def stop(self) -> None:
        """Stop the trials that run, and start no more; without waiting."""
        if self.status == "InProgress":
            self.status = "Stopping"
            for each in list(self.trials):
                each.stop()

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join()

    def best(self) -> TrainingJob | None:
        """Return the completed trial with the best objective, if there is one."""
        best = max if self.objective["Type"] == "Maximize" else min
        done = [each for each in list(self.trials) if self.value(each) is not None]
        return best(done, key=lambda each: self.value(each) or 0.0) if done else None

    def value(self, trial: TrainingJob) -> float | None:
        """Return the objective of a completed trial; None if it has none."""
        if trial.status != "Completed":
            return None
        return trial.metrics().get(self.objective["MetricName"])

    def tuned(self, trial: TrainingJob) -> dict[str, str]:
        """Return the parameters that were proposed for a trial."""
        given = trial.request["HyperParameters"]
        return {name: given[name] for name, _, _ in _ranges(self._settings["ParameterRanges"])}

    @property
    def _settings(self) -> Mapping[str, Any]:
        settings: Mapping[str, Any] = self.request["HyperParameterTuningJobConfig"]
        return settings

    @property
    def objective(self) -> Mapping[str, str]:
        """The metric to improve, and in which direction."""
        objective: Mapping[str, str] = self._settings["HyperParameterTuningJobObjective"]
        return objective

    def _run(self) -> None:
        limits, drawn = self._settings["ResourceLimits"], random.Random(_SEED)  # noqa: S311 - not for secrets
        with ThreadPoolExecutor(limits["MaxParallelTrainingJobs"]) as pool:
            for number in range(1, limits["MaxNumberOfTrainingJobs"] + 1):
                proposed = {
                    name: _draw(drawn, kind, each)
                    for name, kind, each in _ranges(self._settings["ParameterRanges"])
                }
                pool.submit(self._try, number, proposed)
        if self.status == "Stopping":
            self.status = "Stopped"
        else:
            self.status = "Completed" if self.best() else "Failed"

    def _try(self, number: int, proposed: Mapping[str, str]) -> None:
        if self.status != "InProgress":
            return
        definition = self.request["TrainingJobDefinition"]
        trial = self.create(
            {
                **{key: definition[key] for key in _SHARED if key in definition},
                "TrainingJobName": f"{self.name}-{number:03}-{number:08x}",
                "HyperParameters": {
                    **definition.get("StaticHyperParameters", {}),
                    **proposed,
                    "_tuning_objective_metric": self.objective["MetricName"],
                },
            }
        )
        self.trials.append(trial)
        trial.join()


def _ranges(ranges: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield name, kind and range of each parameter."""
    for kind in ("Categorical", "Integer", "Continuous"):
        for each in ranges.get(f"{kind}ParameterRanges", ()):
            yield each["Name"], kind, each


def _draw(drawn: random.Random, kind: str, each: Mapping[str, Any]) -> str:
    """Return a value of a range, as SageMaker passes it on."""
    if kind == "Categorical":
        return str(drawn.choice(each["Values"]))
    low, high = float(each["MinValue"]), float(each["MaxValue"])
    if each.get("ScalingType") == "Logarithmic":
        value = math.exp(drawn.uniform(math.log(low), math.log(high)))
    else:
        value = drawn.uniform(low, high)
    return str(min(max(round(value), int(low)), int(high))) if kind == "Integer" else repr(value)
