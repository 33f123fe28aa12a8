"""Every figure is described once, and both places have what its description says."""

import json
from itertools import pairwise

from prometheus_client.parser import text_string_to_metric_families

from lading.functions.contract.errors import EndpointUnready
from lading.functions.contract.judging import JUDGE
from lading.functions.contract.names import CAPTURE, DRIFT, METRICS
from lading.functions.contract.watched import CLOUDWATCH_UNITS, SECONDS, WATCHED, Kind
from lading.functions.inference.lanes.gauges import show_lanes
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.observability.line import Exchange, Surroundings, write_line
from lading.functions.inference.observability.prometheus import Metrics
from lading.functions.inference.wire.messages import Observation


def seen_all() -> Observation:
    """An exchange with every part of the time, and rare events."""
    seen = Observation(1.0, "plain", "m", 1, 1.1, 1.2, ended=1.3)
    seen.queued, seen.first_part, seen.rows, seen.broken = 0.05, 1.25, 1, True
    seen.error, seen.answered_by = EndpointUnready("m", 1, "Creating", "it starts", 5), "twin"
    return seen


def test_names_are_unique_in_each_place() -> None:
    names = [figure.name for figure in WATCHED]
    assert len(names) == len(set(names))
    cloudwatch = [figure.cloudwatch for figure in WATCHED if figure.cloudwatch]
    assert len(cloudwatch) == len(set(cloudwatch))


def test_a_log_line_declares_the_units_of_the_description() -> None:
    around = Surroundings("dev", cold=True, function=("f", "1"))
    line = json.loads(write_line(Exchange("POST", "/p", 503, "id"), seen_all(), around, 1))
    declared = {
        metric["Name"]: metric["Unit"]
        for directive in line["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
    }
    assert declared == {name: CLOUDWATCH_UNITS[name] for name in declared}
    assert {*METRICS.times.values(), METRICS.requests, METRICS.waking} <= declared.keys()
    assert [line[name] for name in METRICS.sizes] == [0, 0, 1]


def test_every_name_in_cloudwatch_is_described() -> None:
    counts = (METRICS.requests, METRICS.client_errors, METRICS.server_errors, METRICS.cold_start)
    rare = (METRICS.waking, METRICS.broken_streams, METRICS.twin_answers)
    told = (CAPTURE.rows, CAPTURE.labeled, CAPTURE.correct, CAPTURE.error)
    verdicts = (DRIFT.features, DRIFT.largest, DRIFT.missing, DRIFT.outside)
    judged = (JUDGE.worse, JUDGE.undecided, JUDGE.evidence)
    updates = (JUDGE.update_worse, JUDGE.update_undecided)
    written = {*told, CAPTURE.captured, CAPTURE.lost, *verdicts, *judged}
    written |= {*updates, *counts, *rare, *METRICS.times.values(), *METRICS.faults.values()}
    assert CLOUDWATCH_UNITS.keys() == written


def test_prometheus_gets_every_figure_under_its_name() -> None:
    metrics = Metrics()
    with Lanes(LaneLimits(threads=1)) as lanes:
        show_lanes(lanes, metrics.registry)
        text = metrics.page()[0].decode()
    shown = {family.name: family.type for family in text_string_to_metric_families(text)}
    assert shown == {figure.name: figure.kind.value for figure in WATCHED}


def test_the_buckets_of_times_are_close_and_reach_from_half_a_millisecond_to_a_minute() -> None:
    assert (SECONDS[0], SECONDS[-1]) == (0.0005, 60.0)
    assert all(before < after <= 3 * before for before, after in pairwise(SECONDS))


def test_only_histograms_have_bounds_and_exemplars() -> None:
    for figure in WATCHED:
        assert bool(figure.bounds) == (figure.kind is Kind.HISTOGRAM)
        assert figure.kind is Kind.HISTOGRAM or not figure.exemplars
