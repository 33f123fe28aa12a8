"""Log lines of counts that belong to no single request, which are metrics as well."""

from collections.abc import Mapping
from time import time

import orjson

from lading.functions.contract.names import METRICS


def counted_line(
    about: Mapping[str, object], dimensions: Mapping[str, str], counts: Mapping[str, float]
) -> str:
    """Return a log line that is also metrics, in CloudWatch's embedded metric format."""
    metrics = [{"Name": name, "Unit": "Count"} for name in counts]
    declared = {"Namespace": METRICS.namespace, "Dimensions": [[*dimensions]], "Metrics": metrics}
    emf = {"Timestamp": int(time() * 1000), "CloudWatchMetrics": [declared]}
    return orjson.dumps({**about, **dimensions, **counts, "_aws": emf}).decode()
