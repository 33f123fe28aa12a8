"""The state machine of a retraining, in the Amazon States Language with JSONata.

    Settle > FindOthers > Alone? > Prepare > Prepared? > Train > Package > Packaged? > Announce

It ends as `Retrained` with the event as its output, or as `Unchanged` with the version that was
made from the same code, data and parameters. Everything else is a failure that says why.

The list of running executions may be some seconds old, so the machine waits before it reads it;
the oldest execution goes on, and each other one is refused.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html

An emulated account has neither CodeBuild nor training jobs that run. There, these tasks are
messages with a task token in a queue, and the emulator does the work and answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lading.stacks.retraining.builds import JOB, KEY, QUEUED_MINUTES, RESULT, STEP
from lading.training.retraining.event import KIND, SOURCE

State = dict[str, Any]

BUILD = "arn:aws:states:::codebuild:startBuild.sync"
TRAIN = "arn:aws:states:::sagemaker:createTrainingJob.sync"
_LIST = "arn:aws:states:::aws-sdk:sfn:listExecutions"
_PUT = "arn:aws:states:::events:putEvents"
_QUEUE = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"

_SETTLE_SECONDS = 15
_MINUTE, _HOUR = 60, 3600
_FOUND = f"$parse($states.result.Build.ExportedEnvironmentVariables[Name='{RESULT}'].Value)"
_JOB = (
    "$string($sift($states.result, function($v, $k) { $k in ['TrainingJobName', "
    "'ModelArtifacts', 'FinalMetricDataList', 'TrainingTimeInSeconds', "
    "'BillableTimeInSeconds'] }))"
)


@dataclass(frozen=True, slots=True)
class RetrainingWork:
    """What one retraining does.

    Args:
        project: name of the CodeBuild project.
        build_minutes: the longest build.
        job: the request of the training job; its name and addresses are known after `Prepare`.
        job_seconds: the longest training, with the wait for an instance.
        queue: URL of the emulator's queue; empty in AWS.
        partition: AWS's partition.
    """

    project: str
    build_minutes: int
    job: Mapping[str, Any]
    job_seconds: int
    queue: str = ""
    partition: str = "aws"


def definition(work: RetrainingWork) -> dict[str, Any]:
    """Return the definition of the state machine."""
    build_seconds = (work.build_minutes + QUEUED_MINUTES) * _MINUTE
    return {
        "Comment": "Trains a model again, packages it, and compares it with the one that serves",
        "QueryLanguage": "JSONata",
        "StartAt": "Settle",
        "TimeoutSeconds": work.job_seconds + 2 * build_seconds + _HOUR,
        "States": {
            **_alone(work),
            "Prepare": _build(work, build_seconds, {STEP: "prepare"}, "plan", "Prepared?"),
            "Prepared?": _choice("plan", "version", "Unchanged", "Train"),
            "Train": _task(
                work,
                TRAIN,
                {"TrainingJobName": "{% $plan.job %}", **work.job},
                seconds=work.job_seconds,
                assign={"job": _expression(_JOB)},
                following="Package",
                failing="TrainingFailed",
            ),
            "Package": _build(
                work,
                build_seconds,
                {STEP: "package", KEY: "{% $plan.key %}", JOB: "{% $job %}"},
                "found",
                "Packaged?",
            ),
            "Packaged?": _choice("found", "version", "Unchanged", "Announce"),
            "Announce": _announce(),
            **_ends(),
        },
    }


def _alone(work: RetrainingWork) -> dict[str, State]:
    """Return the states that refuse an execution while an older one runs."""
    own = {"StateMachineArn": "{% $states.context.StateMachine.Id %}", "StatusFilter": "RUNNING"}
    return {
        "Settle": {
            "Type": "Wait",
            "Seconds": 0 if work.queue else _SETTLE_SECONDS,
            "Next": "FindOthers",
        },
        "FindOthers": {
            "Type": "Task",
            "Resource": _LIST.replace("arn:aws:", f"arn:{work.partition}:"),
            "Arguments": own,
            "Assign": {"oldest": "{% $states.result.Executions[-1].ExecutionArn %}"},
            "Retry": [{"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 3}],
            "Next": "Alone?",
        },
        "Alone?": {
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% $oldest = $states.context.Execution.Id %}", "Next": "Prepare"}
            ],
            "Default": "AlreadyRuns",
        },
    }


def _build(
    work: RetrainingWork, seconds: int, variables: Mapping[str, str], result: str, following: str
) -> State:
    return _task(
        work,
        BUILD,
        {
            "ProjectName": work.project,
            "EnvironmentVariablesOverride": [
                {"Name": name, "Value": value, "Type": "PLAINTEXT"}
                for name, value in variables.items()
            ],
        },
        seconds=seconds,
        assign={result: _expression(_FOUND)},
        following=following,
        failing="BuildFailed",
    )


def _task(
    work: RetrainingWork,
    resource: str,
    arguments: Mapping[str, Any],
    *,
    seconds: int,
    assign: Mapping[str, str],
    following: str,
    failing: str,
) -> State:
    """Return a task that waits for a job; in an emulated account, a message to the emulator."""
    resource = resource.replace("arn:aws:", f"arn:{work.partition}:")
    if work.queue:
        token = "{% $states.context.Task.Token %}"  # noqa: S105 - an expression
        body = {"TaskToken": token, "Resource": resource, "Arguments": arguments}
        resource, arguments = _QUEUE, {"QueueUrl": work.queue, "MessageBody": body}
    return {
        "Type": "Task",
        "Resource": resource,
        "Arguments": arguments,
        "TimeoutSeconds": seconds,
        "Assign": dict(assign),
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": failing}],
        "Next": following,
    }


def _choice(variable: str, key: str, ending: str, following: str) -> State:
    """Return a choice: an error is refused, a version that exists ends it, else it goes on."""
    return {
        "Type": "Choice",
        "Choices": [
            {
                "Condition": f"{{% $exists(${variable}.error) %}}",
                "Next": "Refused",
                "Assign": {"error": f"{{% ${variable}.error %}}"},
            },
            {
                "Condition": f"{{% $exists(${variable}.{key}) %}}",
                "Next": ending,
                "Assign": {"version": f"{{% ${variable}.{key} %}}"},
            },
        ],
        "Default": following,
    }


def _announce() -> State:
    entry = {"Source": SOURCE, "DetailType": KIND, "Detail": "{% $found.event %}"}
    return {
        "Type": "Task",
        "Resource": _PUT,
        "Arguments": {"Entries": [entry]},
        "Retry": [{"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 3}],
        "Output": "{% $found.event %}",
        "Next": "Retrained",
    }


def _ends() -> dict[str, State]:
    said = "{% $states.input.Cause %}"
    running = "{% 'an older retraining of this model runs: ' & $oldest %}"
    return {
        "Retrained": {"Type": "Succeed"},
        "Unchanged": {"Type": "Pass", "Output": {"unchanged": "{% $version %}"}, "End": True},
        "AlreadyRuns": {"Type": "Fail", "Error": "AlreadyRuns", "Cause": running},
        "Refused": {"Type": "Fail", "Error": "{% $error.kind %}", "Cause": "{% $error.message %}"},
        "TrainingFailed": {"Type": "Fail", "Error": "TrainingFailed", "Cause": said},
        "BuildFailed": {"Type": "Fail", "Error": "BuildFailed", "Cause": said},
    }


def _expression(text: str) -> str:
    return f"{{% {text} %}}"
