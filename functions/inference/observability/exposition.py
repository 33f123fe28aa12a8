"""The page that Prometheus scrapes, written by its client library, which also knows OpenMetrics.

OpenMetrics shows an exemplar beside each bucket: the id of the newest request in it. The older text
format has no place for that.
"""

from collections.abc import Iterable, Iterator
from itertools import accumulate
from math import inf
from typing import Final

from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar as Shown
from prometheus_client.utils import floatToGoString

from lading.functions.contract.watched import Figure, Kind
from lading.functions.inference.observability.families import Exemplar, Snapshot

_REQUEST_ID: Final = "request_id"
_LONGEST_EXEMPLAR: Final = 128
"""Characters of an exemplar's label, with its name: OpenMetrics 1.0, "Exemplars"."""


def page(figures: Iterable[Figure], snapshot: Snapshot, accept: str = "") -> tuple[bytes, str]:
    """Return the metrics in the format that a scraper accepts, and their content type."""
    encode, content_type = choose_encoder(accept)
    return encode(_Collected(figures, snapshot)), content_type


class _Collected(Collector):
    """A snapshot in the library's form."""

    def __init__(self, figures: Iterable[Figure], snapshot: Snapshot) -> None:
        self._figures, self._snapshot = figures, snapshot

    def collect(self) -> Iterator[Metric]:
        """See `Collector.collect`."""
        for figure in self._figures:
            metric = Metric(figure.name, figure.text, figure.kind.value)
            for values, created, numbers, exemplars in self._snapshot.get(figure.name, ()):
                labels = dict(zip(figure.labels, values, strict=True))
                if figure.kind is Kind.HISTOGRAM:
                    _add_histogram(metric, labels, numbers, figure.bounds, exemplars)
                elif figure.kind is Kind.COUNTER:
                    metric.add_sample(f"{metric.name}_total", labels, numbers[0])
                else:
                    metric.add_sample(metric.name, labels, numbers[0])
                if created:  # what is read has no time of creation
                    metric.add_sample(f"{metric.name}_created", labels, created)
            yield metric


def _add_histogram(
    metric: Metric,
    labels: dict[str, str],
    numbers: list[float],
    bounds: tuple[float, ...],
    exemplars: list[Exemplar | None],
) -> None:
    counts = [*accumulate(numbers[:-1])]
    newest = exemplars or [None] * len(counts)
    for bound, count, exemplar in zip((*bounds, inf), counts, newest, strict=True):
        le = floatToGoString(bound)  # type: ignore[no-untyped-call]  # it is a part of the library
        at = {**labels, "le": le}
        metric.add_sample(f"{metric.name}_bucket", at, count, exemplar=_shown(exemplar))
    metric.add_sample(f"{metric.name}_count", labels, counts[-1])
    metric.add_sample(f"{metric.name}_sum", labels, numbers[-1])


def _shown(exemplar: Exemplar | None) -> Shown | None:
    """Return a bucket's request; None if there is none, or its id is too long."""
    if exemplar is None or len(exemplar[0]) + len(_REQUEST_ID) > _LONGEST_EXEMPLAR:
        return None
    request_id, value, at = exemplar
    return Shown({_REQUEST_ID: request_id}, value, at)
