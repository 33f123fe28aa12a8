"""Whether requests are captured, which of them, and where; imported only where they are."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from lading.functions.contract.names import CAPTURE, MANAGED

_BUCKET = re.compile(r"s3://[^/\s]+(/\S*)?")


class CaptureSettings(NamedTuple):
    """What is captured of the requests that a model answers.

    Args:
        place: a folder, or `s3://bucket/prefix`.
        share: of the requests, from 0 to 1.
        fields: names of the inputs and outputs that are kept, `x[3]` for a column of `x`; empty:
            all of them.
        key: ARN of the KMS key that encrypts them in S3; empty: the bucket's own.
        owner: the account that the bucket must belong to; empty: any.
        feedback: whether truths are accepted.
        token: what callers with truths must send; empty: a gateway has checked who they are.
        waits: whether a request's answer waits until it is captured, as on Lambda, which may freeze
            the process after the answer.
    """

    place: str
    share: float = 1.0
    fields: tuple[str, ...] = ()
    key: str = ""
    owner: str = ""
    feedback: bool = False
    token: str = ""
    waits: bool = True

    @property
    def in_s3(self) -> bool:
        """Whether the place is a bucket."""
        return self.place.startswith("s3://")

    def to_environment(self) -> dict[str, str]:
        """Return the variables from which `read_capture` reads the same settings."""
        variables = {
            CAPTURE.place: self.place,
            CAPTURE.share: f"{self.share:g}",
            CAPTURE.fields: ",".join(self.fields),
            CAPTURE.key: self.key,
            CAPTURE.owner: self.owner,
            CAPTURE.feedback: "true" if self.feedback else "",
            CAPTURE.token: self.token,
        }
        return {name: value for name, value in variables.items() if value}


def read_capture(environment: Mapping[str, str]) -> CaptureSettings:
    """Return the settings in the variables of `contract.CAPTURE`; the place is set.

    Raises:
        ValueError: a variable is wrong; the message names it.
    """
    place, token = environment[CAPTURE.place], environment.get(CAPTURE.token, "")
    if place.startswith("s3:") and not _BUCKET.fullmatch(place):
        raise ValueError(f"{CAPTURE.place} must be a folder or s3://bucket/prefix, got '{place}'")
    if token and len(token) < CAPTURE.shortest_token:
        raise ValueError(f"{CAPTURE.token} must have at least {CAPTURE.shortest_token} characters")
    fields = environment.get(CAPTURE.fields, "").split(",")
    on_lambda = bool(environment.get("AWS_LAMBDA_FUNCTION_NAME"))
    return CaptureSettings(
        place=place,
        share=_share(environment.get(CAPTURE.share) or "1"),
        fields=tuple(field.strip() for field in fields if field.strip()),
        key=environment.get(CAPTURE.key, ""),
        owner=environment.get(CAPTURE.owner, ""),
        feedback=environment.get(CAPTURE.feedback, "").lower() == "true",
        token=token,
        waits=on_lambda and MANAGED.at_once not in environment,
    )


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise ValueError(f"{CAPTURE.share} must be a number above 0 and up to 1, got '{text}'")
    return share
