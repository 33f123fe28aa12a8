"""InvokeEndpointAsync: taken at once, answered into S3."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lading.emulator.sagemaker.async_place import AsyncPlace
from tests.conftest import Bucket
from tests.support.emulator_sagemaker import Served, endpoint, quick, serving

POLL_S, PATIENCE_S = 0.05, 60


@pytest.fixture
def served(tmp_path: Path, bucket: Bucket) -> Iterator[Served]:
    place = AsyncPlace(f"s3://{bucket.name}/answers", f"s3://{bucket.name}/failures")
    with serving(endpoint(tmp_path, limits=quick(), asynchronous=place)) as runtime:
        yield runtime


def submit(served: Served, **arguments: Any) -> dict[str, Any]:
    return dict(served.client.invoke_endpoint_async(EndpointName="e", **arguments))


def written(bucket: Bucket, address: str) -> bytes:
    """What is written there, once it is; an error when nothing is in time."""
    key, client = address.removeprefix(f"s3://{bucket.name}/"), bucket.client
    waiter: Any = client.get_waiter("object_exists")
    waiter.wait(
        Bucket=bucket.name,
        Key=key,
        WaiterConfig={"Delay": POLL_S, "MaxAttempts": int(PATIENCE_S / POLL_S)},
    )
    return bytes(client.get_object(Bucket=bucket.name, Key=key)["Body"].read())


def test_an_answer_to_what_lies_in_s3_is_written_there(served: Served, bucket: Bucket) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key="request", Body=b'{"size": 7000000}')
    reply = submit(
        served, InputLocation=f"s3://{bucket.name}/request", ContentType="application/json"
    )
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert written(bucket, reply["OutputLocation"]) == b"x" * 7_000_000


def test_the_container_is_told_the_types_and_the_id(served: Served, bucket: Bucket) -> None:
    reply = submit(
        served, Body=b"{}", ContentType="text/csv", Accept="text/plain", InferenceId="job-1"
    )
    assert reply["InferenceId"] == "job-1"
    headers = json.loads(written(bucket, reply["OutputLocation"]))["headers"]
    assert (headers["content-type"], headers["accept"]) == ("text/csv", "text/plain")
    assert headers["x-amzn-sagemaker-inference-id"] == "job-1"


@pytest.mark.parametrize(
    ("body", "text"),
    [({"status": 400}, "Received client error (400)"), ({"exit": 3}, "the model process exited")],
)
def test_a_failure_is_written_where_failures_are(
    served: Served, bucket: Bucket, body: dict[str, Any], text: str
) -> None:
    reply = submit(served, Body=json.dumps(body).encode())
    assert text in written(bucket, reply["FailureLocation"]).decode()


def test_what_takes_too_long_is_a_failure(served: Served, bucket: Bucket) -> None:
    reply = submit(served, Body=b'{"sleep": 5}', InvocationTimeoutSeconds=1)
    assert "timed out" in written(bucket, reply["FailureLocation"]).decode()


def test_an_input_that_is_not_there_is_a_failure(served: Served, bucket: Bucket) -> None:
    reply = submit(served, InputLocation=f"s3://{bucket.name}/none")
    assert "NoSuchKey" in written(bucket, reply["FailureLocation"]).decode()


def test_one_at_zero_takes_the_request_and_wakes(tmp_path: Path, bucket: Bucket) -> None:
    place = AsyncPlace(f"s3://{bucket.name}/answers", f"s3://{bucket.name}/failures")
    model = endpoint(tmp_path, limits=quick(), asleep=True, asynchronous=place)
    with serving(model) as served:
        reply = submit(served, Body=b'{"size": 1}')
        assert written(bucket, reply["OutputLocation"]) == b"x"
        assert model.copies == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "Exactly one of Body and InputLocation"),
        ({"Body": b"{}", "InputLocation": "s3://bucket/key"}, "Exactly one of Body"),
        ({"Body": b" " * 128_001}, "128000"),
    ],
)
def test_what_cannot_be_taken_is_refused(
    served: Served, arguments: dict[str, Any], text: str
) -> None:
    with pytest.raises(ClientError, match=text):
        submit(served, **arguments)


def test_an_endpoint_that_answers_at_once_takes_nothing_for_later(tmp_path: Path) -> None:
    with (
        serving(endpoint(tmp_path, limits=quick())) as served,
        pytest.raises(ClientError, match="not configured for asynchronous"),
    ):
        submit(served, Body=b"{}")
