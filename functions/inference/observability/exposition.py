"""The page that Prometheus scrapes, written by its client library, which also knows OpenMetrics."""

from collections.abc import Iterable, Iterator
from itertools import accumulate
from math import inf

from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from lading.functions.inference.observability.families import Description, Kind, Snapshot


def page(
    descriptions: Iterable[Description], snapshot: Snapshot, accept: str = ""
) -> tuple[bytes, str]:
    """Return the metrics in the format that a scraper accepts, and their content type."""
    encode, content_type = choose_encoder(accept)
    return encode(_Collected(descriptions, snapshot)), content_type


class _Collected(Collector):
    """A snapshot in the library's form."""

    def __init__(self, descriptions: Iterable[Description], snapshot: Snapshot) -> None:
        self._descriptions, self._snapshot = descriptions, snapshot

    def collect(self) -> Iterator[Metric]:
        """See `Collector.collect`."""
        for description in self._descriptions:
            metric = Metric(description.name, description.text, description.kind.value)
            for values, created, numbers in self._snapshot.get(description.name, ()):
                labels = dict(zip(description.labels, values, strict=True))
                _ADD[description.kind](metric, labels, numbers, description.bounds)
                if description.kind is not Kind.GAUGE:
                    metric.add_sample(f"{metric.name}_created", labels, created)
            yield metric


def _add_counter(
    metric: Metric, labels: dict[str, str], numbers: list[float], _bounds: tuple[float, ...]
) -> None:
    metric.add_sample(f"{metric.name}_total", labels, numbers[0])


def _add_histogram(
    metric: Metric, labels: dict[str, str], numbers: list[float], bounds: tuple[float, ...]
) -> None:
    counts = [*accumulate(numbers[:-1])]
    for bound, count in zip((*bounds, inf), counts, strict=True):
        le = floatToGoString(bound)  # type: ignore[no-untyped-call]  # it is a part of the library
        metric.add_sample(f"{metric.name}_bucket", {**labels, "le": le}, count)
    metric.add_sample(f"{metric.name}_count", labels, counts[-1])
    metric.add_sample(f"{metric.name}_sum", labels, numbers[-1])


def _add_gauge(
    metric: Metric, labels: dict[str, str], numbers: list[float], _bounds: tuple[float, ...]
) -> None:
    metric.add_sample(metric.name, labels, numbers[0])


_ADD = {Kind.COUNTER: _add_counter, Kind.HISTOGRAM: _add_histogram, Kind.GAUGE: _add_gauge}
