"""Metrics for Prometheus: `GET /metrics`, in a container and in the emulator.

The metrics are those of `contract.METRICS`, which CloudWatch gets: `DecodeLatency` in milliseconds
there is the histogram `lading_decode_latency_seconds` here, with the same dimensions as labels.
On Lambda there is nothing to scrape, since requests are spread over many processes.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from lading.functions.contract.names import METRICS
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.observability import exposition
from lading.functions.inference.observability.families import (
    Description,
    Kind,
    LabelValues,
    Registry,
    Series,
    Snapshot,
    together,
)
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


class Metrics:
    """The metrics of one process.

    Args:
        others: returns the numbers of the other processes that share the port, at each scrape;
            None: there are none.
    """

    def __init__(self, others: Callable[[], Iterable[Snapshot]] | None = None) -> None:
        self._others = others
        self._catalog: Catalog | None = None
        self.registry = Registry()
        self._requests = self.registry.register(
            Description(_name(METRICS.requests), "Requests answered.", (*_LABELS, "status"))
        )
        self._times = {
            span: self.registry.register(
                Description(
                    f"{_name(metric)}_seconds",
                    f"Seconds of a request: {span}.",
                    _LABELS,
                    Kind.HISTOGRAM,
                    BUCKETS,
                )
            )
            for span, metric in METRICS.times.items()
        }
        self._known: dict[tuple[str, int | None, str], dict[int | str, Series]] = {}
        self.registry.register_gauge(
            Description(
                "lading_model_ready",
                "Whether a version of a model can answer.",
                _LABELS[:2],
                least=True,
            ),
            self._readiness,
        )

    def note(self, seen: Observation, status: int) -> None:
        """Count one exchange that has ended."""
        labels, times = (seen.model, seen.version, seen.dialect), seen.milliseconds()
        with self.registry.turn:
            found = self._known.get(labels) or self._known.setdefault(labels, {})
            (found.get(status) or self._series(labels, status)).numbers[0] += 1.0
            for span, milliseconds in times.items():
                (found.get(span) or self._series(labels, span)).observe(milliseconds / 1000)

    def _series(self, seen: tuple[str, int | None, str], kept_as: int | str) -> Series:
        """Return the series of a status or a span, and remember it by what was observed."""
        labels = tuple(str(value or _NONE) for value in seen)
        if isinstance(kept_as, int):
            found = self._requests.series(*labels, str(kept_as))
        else:
            found = self._times[kept_as].series(*labels)
        self._known[seen][kept_as] = found
        return found

    def note_models(self, catalog: Catalog) -> None:
        """Report which versions of `catalog` can answer, at the time of each scrape."""
        self._catalog = catalog

    def _readiness(self) -> Iterator[tuple[LabelValues, float]]:
        for model in self._catalog.models() if self._catalog else ():
            for version in model.versions:
                yield (model.name, str(version)), model.ready(version)

    def page(self, accept: str = "") -> tuple[bytes, str]:
        """Return the metrics in the format that a scraper accepts, and their content type."""
        descriptions = self.registry.descriptions()
        others = self._others() if self._others is not None else ()
        snapshot = together([self.registry.snapshot(), *others], descriptions)
        return exposition.page(descriptions, snapshot, accept)

    def beside(self, app: App) -> App:
        """Return `app` with the metrics at `PATHS`."""

        async def measured(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["path"] not in PATHS:
                await app(scope, receive, send)
                return
            accept = read_headers(scope["headers"]).get("accept", "")
            if self._others is None:
                body, content_type = self.page(accept)
            else:  # an answer of another process may take its time
                body, content_type = await asyncio.to_thread(self.page, accept)
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
