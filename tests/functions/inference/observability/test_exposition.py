"""The page has the text that prometheus_client writes for its own counters and histograms."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder

from lading.functions.inference.observability.exposition import page
from lading.functions.inference.observability.families import Description, Kind, Registry

BOUNDS = (0.0005, 0.25, 1.0, 30.0)
LABELS = ("model", "version")
ACCEPTED = [
    "",
    "text/plain",
    "application/openmetrics-text; version=1.0.0",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8,text/plain;version=0.0.4;q=0.3",
]

names = st.one_of(st.sampled_from(["m", "n"]), st.text(max_size=6))
values = st.one_of(st.sampled_from([0.0, *BOUNDS, 1e16]), st.floats(0, 1e6))
events = st.lists(st.tuples(names, st.sampled_from(["1", "none"]), values), max_size=12)


def shown(text: bytes) -> str:
    """The page without times of creation."""
    return re.sub(r"(?m)(_created(?:\{.*\})?) [0-9.e+]+$", r"\1 -", text.decode())


@pytest.mark.parametrize("accept", ACCEPTED)
@given(events)
def test_the_page_is_that_of_the_library(accept: str, noted: list[tuple[str, str, float]]) -> None:
    theirs, ours = CollectorRegistry(), Registry()
    counter = Counter("lading_requests", "Answered\nones.", LABELS, registry=theirs)
    histogram = Histogram("seconds", "Time \\.", LABELS, buckets=BOUNDS, registry=theirs)
    gauge = Gauge("ready", "Ready.", LABELS[:1], registry=theirs)
    requests = ours.register(Description("lading_requests", "Answered\nones.", LABELS))
    times = ours.register(Description("seconds", "Time \\.", LABELS, Kind.HISTOGRAM, BOUNDS))
    ours.register_gauge(
        Description("ready", "Ready.", LABELS[:1]),
        lambda: [((model,), value) for model, value in {it[0]: it[2] for it in noted}.items()],
    )
    for model, version, value in noted:
        counter.labels(model, version).inc()
        histogram.labels(model, version).observe(value)
        gauge.labels(model).set(value)
        requests.series(model, version).count()
        times.series(model, version).observe(value)
    encode, content_type = choose_encoder(accept)
    found, found_type = page(ours.descriptions(), ours.snapshot(), accept)
    assert (shown(found), found_type) == (shown(encode(theirs)), content_type)
