"""Metrics for Prometheus: `GET /metrics`, in a container and in the emulator.

The metrics are those of `contract.METRICS`, which CloudWatch gets: `DecodeLatency` in milliseconds
there is the histogram `lading_decode_latency_seconds` here, with the same dimensions as labels.
On Lambda there is nothing to scrape, since requests are spread over many processes.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from lading.functions.contract.names import METRICS
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.wire.asgi import App, Receive, Scope, Send
from lading.functions.inference.wire.messages import Observation, read_headers

PATHS: Final = ("/metrics", "/monitoring/prometheus/metrics")
"""The usual path, and that of TensorFlow Serving's documentation."""

BUCKETS: Final = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0),
)
"""Seconds: from the latency of a tree ensemble to the time limit of API Gateway."""

_NONE = "none"
_LABELS = METRICS.dimensions
_Metric = TypeVar("_Metric", Counter, Histogram)


class _Readiness(Collector):
    """A gauge for each version that is served, read from the catalog when it is scraped."""

    catalog: Catalog | None = None

    def collect(self) -> Iterator[Metric]:
        """See `Collector.collect`."""
        gauge = GaugeMetricFamily(
            "lading_model_ready", "Whether a version of a model can answer.", labels=_LABELS[:2]
        )
        for model in self.catalog.models() if self.catalog else ():
            for version in model.versions:
                gauge.add_metric((model.name, str(version)), model.ready(version))
        yield gauge


class Metrics:
    """The metrics of one process, in their own registry."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            _name(METRICS.requests),
            "Requests answered.",
            (*_LABELS, "status"),
            registry=self._registry,
        )
        self._times: Mapping[str, Histogram] = {
            span: Histogram(
                f"{_name(metric)}_seconds",
                f"Seconds of a request: {span}.",
                _LABELS,
                buckets=BUCKETS,
                registry=self._registry,
            )
            for span, metric in METRICS.times.items()
        }
        self._known: dict[tuple[object, ...], Any] = {}
        self._readiness = _Readiness()
        self._registry.register(self._readiness)

    def note(self, seen: Observation, status: int) -> None:
        """Count one exchange that has ended."""
        labels = (seen.model, seen.version, seen.dialect)
        self._series(self._requests, *labels, status).inc()
        for span, milliseconds in seen.milliseconds().items():
            self._series(self._times[span], *labels).observe(milliseconds / 1000)

    def _series(self, metric: _Metric, *labels: str | int | None) -> _Metric:
        """Return the series of these labels; cached, since the library's look-up is slow."""
        found = self._known.get((metric, *labels))
        if found is None:
            found = metric.labels(*(str(value or _NONE) for value in labels))
            self._known[metric, *labels] = found
        return found

    def note_models(self, catalog: Catalog) -> None:
        """Report which versions of `catalog` can answer, at the time of each scrape."""
        self._readiness.catalog = catalog

    def page(self, accept: str = "") -> tuple[bytes, str]:
        """Return the metrics in the format that a scraper accepts, and their content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def beside(self, app: App) -> App:
        """Return `app` with the metrics at `PATHS`."""

        async def measured(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["path"] not in PATHS:
                await app(scope, receive, send)
                return
            body, content_type = self.page(read_headers(scope["headers"]).get("accept", ""))
            headers = [
                (b"content-type", content_type.encode()),
                (b"content-length", str(len(body)).encode()),
            ]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            shown = b"" if scope["method"] == "HEAD" else body
            await send({"type": "http.response.body", "body": shown})

        return measured


def _name(metric: str) -> str:
    """CloudWatch's name of a metric in the spelling of Prometheus.

    >>> _name("DecodeLatency")
    'lading_decode_latency'
    """
    return "lading" + re.sub(r"(?=[A-Z])", "_", metric).lower()
