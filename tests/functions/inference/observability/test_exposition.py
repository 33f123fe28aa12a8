"""The page has the text that prometheus_client writes for its own counters and histograms."""

import re
from bisect import bisect_left

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder

from lading.functions.contract.watched import Figure, Kind
from lading.functions.inference.observability.exposition import page
from lading.functions.inference.observability.families import Registry

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
    """The page without times of creation and of exemplars."""
    page = re.sub(r"(?m)(_created(?:\{.*\})?) [0-9.e+]+$", r"\1 -", text.decode())
    return re.sub(r'(?m)( # \{request_id="\d+"\} \S+) [0-9.e+]+$', r"\1 -", page)


@pytest.mark.parametrize("accept", ACCEPTED)
@given(events)
def test_the_page_is_that_of_the_library(accept: str, noted: list[tuple[str, str, float]]) -> None:
    theirs, ours = CollectorRegistry(), Registry()
    counter = Counter("lading_requests", "Answered\nones.", LABELS, registry=theirs)
    histogram = Histogram("seconds", "Time \\.", LABELS, buckets=BOUNDS, registry=theirs)
    gauge = Gauge("ready", "Ready.", LABELS[:1], registry=theirs)
    requests = ours.register(Figure("lading_requests", "Answered\nones.", LABELS))
    times = ours.register(
        Figure("seconds", "Time \\.", LABELS, Kind.HISTOGRAM, BOUNDS, exemplars=True)
    )
    ours.register_read(
        Figure("ready", "Ready.", LABELS[:1], Kind.GAUGE),
        lambda: [((model,), value) for model, value in {it[0]: it[2] for it in noted}.items()],
    )
    for number, (model, version, value) in enumerate(noted):
        counter.labels(model, version).inc()
        histogram.labels(model, version).observe(value, {"request_id": str(number)})
        gauge.labels(model).set(value)
        requests.series(model, version).count()
        times.series(model, version).observe_all(np.array([value]))
        place = bisect_left(BOUNDS, value)
        times.series(model, version).exemplars[place] = str(number), value, 1.0
    encode, content_type = choose_encoder(accept)
    found, found_type = page(ours.figures(), ours.snapshot(), accept)
    assert (shown(found), found_type) == (shown(encode(theirs)), content_type)
