"""The answers that SageMaker has captured of an endpoint with a shadow variant."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from lading.api.errors import AwsRefused
from lading.functions.contract.names import ENDPOINT, JOBS, expected_owner

MOST_OBJECTS = 5000
"""Files of one variant that are read; the newest ones of the time."""
_QUANTILES = ("p50", "p90")
_MICROSECONDS = 1000


class CapturedPlace(NamedTuple):
    """Where the answers of an endpoint are.

    Args:
        endpoint: name of the endpoint.
        bucket: the bucket.
        folder: `captures/<version>-<version in its shadow>/`.
        owner: the account that the bucket must belong to; empty: any.
    """

    endpoint: str
    bucket: str
    folder: str
    owner: str = ""


class Captures:
    """Reads what was captured of one model.

    Args:
        region: the region; None: the AWS profile's.
    """

    def __init__(self, region: str | None) -> None:
        import boto3

        self._session: Any = boto3.session.Session(region_name=region)

    def place(self, function: str, first: int, second: int) -> CapturedPlace | None:
        """Return where a proxy function's endpoint captures answers; None: it has no endpoint.

        Args:
            function: name of the function.
            first: the version that serves.
            second: the version in its shadow.

        Raises:
            AwsRefused: the function cannot be read.
        """
        with _refusing(f"the function {function}"):
            client = self._session.client("lambda")
            found = client.get_function_configuration(FunctionName=function)
        variables: Mapping[str, str] = found.get("Environment", {}).get("Variables", {})
        if not variables.get(ENDPOINT.name):
            return None
        folder = f"{JOBS.captures}{first}-{second}/"
        owner = variables.get(JOBS.owner, "")
        return CapturedPlace(variables[ENDPOINT.name], variables[JOBS.bucket], folder, owner)

    def lines(self, place: CapturedPlace, variant: str, start_ms: int) -> Iterator[bytes]:
        """Yield the captured lines of a variant since a time, in milliseconds since 1970.

        Raises:
            AwsRefused: the bucket cannot be read.
        """
        owned = expected_owner(place.owner)
        with _refusing(f"the bucket {place.bucket}"):
            client = self._session.client("s3")
            for key in self._keys(client, place, variant, start_ms)[-MOST_OBJECTS:]:
                body = client.get_object(Bucket=place.bucket, Key=key, **owned)["Body"]
                yield from filter(None, body.read().split(b"\n"))

    def latencies(self, place: CapturedPlace, start_ms: int, end_ms: int) -> dict[str, list[float]]:
        """Return p50 and p90 in milliseconds of the production and of the shadow variant.

        They are CloudWatch's, of all requests of each variant; a variant without requests has none.

        Raises:
            AwsRefused: the metrics cannot be read.
        """
        period = max(60, -(-(end_ms - start_ms) // 60_000) * 60)
        queries = [
            _query(place.endpoint, variant, name, period)
            for variant in (ENDPOINT.variant, ENDPOINT.shadow)
            for name in _QUANTILES
        ]
        start, end = (datetime.fromtimestamp(it / 1000, UTC) for it in (start_ms, end_ms))
        with _refusing("SageMaker's metrics"):
            found = self._session.client("cloudwatch").get_metric_data(
                MetricDataQueries=queries, StartTime=start, EndTime=end
            )["MetricDataResults"]
        values: dict[str, list[float]] = {name: [] for name in _QUANTILES}
        for result in found:
            name = result["Id"].rpartition("_")[2]
            values[name] += [value / _MICROSECONDS for value in result["Values"][:1]]
        return values

    def _keys(self, client: Any, place: CapturedPlace, variant: str, start_ms: int) -> list[str]:
        """Return the keys of the hours since a time, the oldest first."""
        above = f"{place.folder}{place.endpoint}/{variant}/"
        first = datetime.fromtimestamp(start_ms / 1000, UTC) - timedelta(hours=1)
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=place.bucket,
            Prefix=above,
            StartAfter=f"{above}{first:%Y/%m/%d/%H}",
            **expected_owner(place.owner),
        )
        return [it["Key"] for page in pages for it in page.get("Contents", ())]


@contextmanager
def _refusing(subject: str) -> Iterator[None]:
    """Raise AwsRefused for an error of AWS about a subject."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise AwsRefused(subject, str(error).rstrip(".")) from error


def _query(endpoint: str, variant: str, name: str, period: int) -> dict[str, Any]:
    dimensions = {"EndpointName": endpoint, "VariantName": variant}
    metric = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "ModelLatency",
        "Dimensions": [{"Name": key, "Value": it} for key, it in dimensions.items()],
    }
    stat = {"Metric": metric, "Period": period, "Stat": name}
    return {"Id": f"{variant}_{name}", "MetricStat": stat}
