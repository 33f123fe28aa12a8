"""The store of jobs: their states in a DynamoDB table, their bodies in an S3 bucket.

`inputs/<id>` is the body of the request and `results/<id>` that of the answer. A lifecycle rule of
the bucket deletes both some days later, and the table's time to live the entry.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from lading.functions.contract.errors import RequestTooLarge
from lading.functions.contract.names import JOBS, expected_owner
from lading.functions.contract.settings import JobsPlace

WAITING, ACCEPTED, RUNNING, SUBMITTED = "waiting", "accepted", "running", "submitted"
DONE, FAILED = "done", "failed"

KEPT_S: Final = 24 * 3600
URL_S: Final = 900
"""Seconds for which a pre-signed URL is valid."""
LONGEST_INPUT: Final = 64 * 1024 * 1024

_NAME = re.compile(r"#\w+")
_GONE = frozenset({"404", "NoSuchKey", "403", "AccessDenied"})
"""Codes of a missing object; S3 denies access instead if the role may not list the bucket."""


@dataclass(frozen=True, slots=True)
class EngineWork:
    """A job's work at an asynchronous endpoint; `answer` or `failure` is what that has written."""

    job_id: str
    store: "JobStore"
    answer: bytes | None = None
    failure: bytes | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One request whose answer is fetched later.

    `path`, below the base URL, and `headers` are those of the request; `status` and
    `answer_headers` those of the answer. `until` is the deadline of a run, in seconds since 1970;
    `output` and `failure` are where an asynchronous endpoint writes. `owner` is the caller who may
    see it, as `wire.caller` names it.
    """

    id: str
    path: str
    headers: Mapping[str, str]
    state: str
    expires: int
    until: int = 0
    status: int = 0
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    output: str = ""
    failure: str = ""
    owner: str = ""


class JobStore:
    """The jobs of one model.

    Errors of AWS are raised as boto3 raises them: a caller cannot correct them.
    """

    def __init__(self, place: JobsPlace) -> None:
        self._place = place
        self._owner = expected_owner(place.owner)

    def create(self, job: Job) -> None:
        """Store a new job."""
        self._table.put_item(Item=_item(job))

    def find(self, job_id: str) -> Job | None:
        """Return the job of this id; None when there is none or it has expired."""
        found = self._table.get_item(Key={JOBS.id: job_id}, ConsistentRead=True).get("Item")
        job = _job(found) if found else None
        return job if job and job.expires > time.time() else None

    def claim(self, job: Job, until: int) -> bool:
        """Claim a job that is accepted or whose run is overdue; return whether that worked."""
        condition = "#state = :accepted OR (#state = :running AND #until < :now)"
        values = {":accepted": ACCEPTED, ":running": RUNNING, ":now": int(time.time())}
        return self._change(job.id, {"state": RUNNING, "until": until}, condition, values)

    def accept(self, job: Job) -> bool:
        """Accept a waiting job whose input is there; return whether it was still waiting."""
        values = {":waiting": WAITING, ":accepted": ACCEPTED}
        condition = "#state IN (:waiting, :accepted)"
        return self._change(job.id, {"state": ACCEPTED}, condition, values)

    def submit(self, job: Job, output: str, failure: str) -> None:
        """Record where SageMaker will write."""
        self._change(job.id, {"state": SUBMITTED, "output": output, "failure": failure})

    def finish(self, job: Job, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Store the answer."""
        content_type = headers.get("content-type", "application/octet-stream")
        self._s3.put_object(
            Bucket=self._place.bucket,
            Key=f"{JOBS.results}{job.id}",
            Body=body,
            ContentType=content_type,
            **self._owner,
        )
        good = status < 400  # noqa: PLR2004 where HTTP's errors begin
        fields = {"status": status, "answer_headers": json.dumps(dict(headers))}
        self._change(job.id, {"state": DONE if good else FAILED, **fields})

    def put_input(self, name: str, body: bytes) -> str:
        """Store an input, and return its address."""
        key = f"{JOBS.inputs}{name}"
        self._s3.put_object(Bucket=self._place.bucket, Key=key, Body=body, **self._owner)
        return f"s3://{self._place.bucket}/{key}"

    def read_input(self, job: Job) -> bytes | None:
        """Return a job's input; None when it is not there.

        Raises:
            RequestTooLarge: it exceeds the limit; it has not been read.
        """
        return self._read(self._place.bucket, f"{JOBS.inputs}{job.id}")

    def read_output(self, address: str) -> bytes | None:
        """Return what SageMaker wrote at `s3://bucket/key`; None when there is nothing yet."""
        bucket, _, key = address.removeprefix("s3://").partition("/")
        return self._read(bucket, key)

    def upload_url(self, job: Job) -> str:
        """Return a URL to which anybody who knows it can upload the input."""
        return self._presigned("put_object", f"{JOBS.inputs}{job.id}")

    def result_url(self, job: Job) -> str:
        """Return a URL from which anybody who knows it can download the answer."""
        return self._presigned("get_object", f"{JOBS.results}{job.id}")

    def _presigned(self, operation: str, key: str) -> str:
        where = {"Bucket": self._place.bucket, "Key": key}
        return str(self._s3.generate_presigned_url(operation, Params=where, ExpiresIn=URL_S))

    def _read(self, bucket: str, key: str) -> bytes | None:
        from botocore.exceptions import ClientError

        try:
            found = self._s3.get_object(Bucket=bucket, Key=key, **self._owner)
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return None
            raise
        if found["ContentLength"] > LONGEST_INPUT:
            found["Body"].close()
            raise RequestTooLarge(LONGEST_INPUT)
        content: bytes = found["Body"].read()
        return content

    def _change(
        self,
        job_id: str,
        fields: Mapping[str, Any],
        condition: str = "attribute_exists(id)",
        values: Mapping[str, Any] | None = None,
    ) -> bool:
        """Change an entry if the condition holds; return whether it did."""
        assignments = ", ".join(f"#{name} = :new_{name}" for name in fields)
        names = set(_NAME.findall(f"{assignments} {condition}"))  # some are reserved words
        try:
            self._table.update_item(
                Key={JOBS.id: job_id},
                UpdateExpression=f"SET {assignments}",
                ConditionExpression=condition,
                ExpressionAttributeNames={name: name[1:] for name in names},
                ExpressionAttributeValues={
                    **(values or {}),
                    **{f":new_{name}": value for name, value in fields.items()},
                },
            )
        except self._table.meta.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    @cached_property
    def _session(self) -> Any:
        from boto3.session import Session

        return Session()

    @cached_property
    def _table(self) -> Any:
        return self._session.resource("dynamodb").Table(self._place.table)

    @cached_property
    def _s3(self) -> Any:
        from botocore.config import Config

        return self._session.client("s3", config=Config(signature_version="s3v4"))


def _item(job: Job) -> dict[str, Any]:
    return {
        JOBS.id: job.id,
        JOBS.expires: job.expires,
        "path": job.path,
        "headers": json.dumps(dict(job.headers)),
        "state": job.state,
        "owner": job.owner,
    }


def _job(item: Mapping[str, Any]) -> Job:
    return Job(
        id=str(item[JOBS.id]),
        path=str(item["path"]),
        headers=json.loads(item["headers"]),
        state=str(item["state"]),
        expires=int(item[JOBS.expires]),
        until=int(item.get("until", 0)),
        status=int(item.get("status", 0)),
        answer_headers=json.loads(item.get("answer_headers", "{}")),
        output=str(item.get("output", "")),
        failure=str(item.get("failure", "")),
        owner=str(item.get("owner", "")),
    )
