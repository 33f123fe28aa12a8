"""The state machine of a model's batches, in the Amazon States Language with JSONPath.

    Kind? > Chunks | Files | Rows

Each is a Distributed Map over objects or rows in S3 into the model's function. The input of an
execution is `{"kind", "input", "prefix", "most", "group", "results", "bucket", "manifest",
"version"}`; a part has at most `most` items. A part that fails is tried again; parts that fail for
good are tolerated, because whoever started the batch finds their rows without an answer.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html

An emulated account has neither ItemBatcher nor ResultWriter: there each item is a part of its own,
and brings with it what the batch has in common.
"""

from dataclasses import dataclass
from typing import Any

State = dict[str, Any]

_MOST_BYTES = 200_000
"""The most bytes of rows in a part; the input of a child has at most 256 KiB."""
_TOLERATED = 100
_DAY = 86_400
_THROTTLED = [
    *("Lambda.TooManyRequestsException", "Lambda.ServiceException"),
    *("Lambda.AWSLambdaException", "Lambda.SdkClientException"),
]


@dataclass(frozen=True, slots=True)
class BatchWork:
    """What the batches of one model do.

    Args:
        alias: ARN of the function's alias.
        concurrency: the most parts at the same time.
        timeout_s: the function's time limit.
        versions: the model's versions that the function serves, the stable one first.
        local: whether the account is emulated.
        partition: AWS's partition.
        account: the account of the batches' own bucket.
    """

    alias: str
    concurrency: int
    timeout_s: int
    versions: tuple[int, ...]
    local: bool = False
    partition: str = "aws"
    account: str = ""


def batch_definition(work: BatchWork) -> dict[str, Any]:
    """Return the definition of the state machine."""
    by_kind = {"chunks": "Chunks", "files": "Files", "rows": "Rows"}
    objects = {"Resource": f"arn:{work.partition}:states:::s3:listObjectsV2"}
    listed = {**objects, "Parameters": {"Bucket.$": "$.input", "Prefix.$": "$.prefix"}}
    key = {"Key.$": "$$.Map.Item.Value.Key"}
    value = {"value.$": "$$.Map.Item.Value"}
    lines = {
        "Resource": f"arn:{work.partition}:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSONL"},
        "Parameters": {"Bucket.$": "$.input", "Key.$": "$.prefix"},
    }
    return {
        "Comment": "Answers the rows of a batch by a model's function",
        "StartAt": "Kind?",
        "TimeoutSeconds": 7 * _DAY,
        "States": {
            "Kind?": {
                "Type": "Choice",
                "Choices": [
                    {"Variable": "$.kind", "StringEquals": kind, "Next": state}
                    for kind, state in by_kind.items()
                ],
                "Default": "UnknownKind",
            },
            "UnknownKind": {"Type": "Fail", "Error": "UnknownKind", "Cause": "kind is not known"},
            "Chunks": _map(work, listed, key),
            "Files": _map(work, listed, key),
            "Rows": _map(work, lines, value),
        },
    }


def _map(work: BatchWork, reader: State, item: State) -> State:
    """Return a Distributed Map."""
    item = {"row.$": "$$.Map.Item.Index", **item}
    common = {"kind.$": "$.kind", "input.$": "$.input", "results.$": "$.results"}
    common |= {"version.$": "$.version", "group.$": "$.group", "owner": work.account}
    state: State = {
        "Type": "Map",
        "ItemReader": reader,
        "ItemSelector": item,
        "MaxConcurrency": work.concurrency,
        "ToleratedFailurePercentage": _TOLERATED,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Answer",
            "States": {"Answer": _answer(work)},
        },
        "End": True,
    }
    if work.local:
        return {**state, "ItemSelector": {"BatchInput": common, "Items": item}}
    return {
        **state,
        "ItemBatcher": {
            "MaxItemsPerBatchPath": "$.most",
            "MaxInputBytesPerBatch": _MOST_BYTES,
            "BatchInput": common,
        },
        "ResultWriter": {
            "Resource": f"arn:{work.partition}:states:::s3:putObject",
            "Parameters": {"Bucket.$": "$.bucket", "Prefix.$": "$.manifest"},
            "WriterConfig": {"OutputType": "JSONL", "Transformation": "COMPACT"},
        },
    }


def _answer(work: BatchWork) -> State:
    return {
        "Type": "Task",
        "Resource": f"arn:{work.partition}:states:::lambda:invoke",
        "Parameters": {"FunctionName": work.alias, "Payload.$": "$"},
        "TimeoutSeconds": work.timeout_s + 30,
        "ResultSelector": {"rows.$": "$.Payload.rows", "failed.$": "$.Payload.failed"},
        "Retry": [
            {
                "ErrorEquals": _THROTTLED,
                "IntervalSeconds": 1,
                "BackoffRate": 2,
                "MaxAttempts": 10,
                "MaxDelaySeconds": 60,
                "JitterStrategy": "FULL",
            },
            {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "MaxAttempts": 2},
        ],
        "End": True,
    }
