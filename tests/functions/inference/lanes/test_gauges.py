"""The queue of each model is in the metrics."""

from pathlib import Path
from threading import Event
from time import monotonic

import numpy as np

from lading.functions.inference.lanes.gauges import show_lanes
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.observability.prometheus import Metrics
from lading.functions.inference.wire.messages import Observation
from tests.support.operations import predict, run
from tests.support.worlds import echo, settings_for


def test_what_waits_and_runs_is_shown_at_each_scrape() -> None:
    metrics, begun, end = Metrics(), Event(), Event()
    with Lanes(LaneLimits(threads=1)) as lanes:
        show_lanes(lanes, metrics.registry)

        def work() -> None:
            begun.set()
            assert end.wait(20)

        run(lanes, work, "m", size=7)
        assert begun.wait(20)
        run(lanes, work, "m", size=5)
        page = metrics.page()[0].decode()
        end.set()
    assert 'lading_queue_requests{model="m"} 1.0' in page
    assert 'lading_held_bytes{model="m"} 12.0' in page
    assert 'lading_active_runs{model="m"} 1.0' in page
    waited = next(line for line in page.splitlines() if line.startswith("lading_queue_wait_sec"))
    assert float(waited.split()[-1]) > 0
    page = metrics.page()[0].decode()
    assert 'lading_queue_requests{model="m"} 0.0' in page
    assert 'lading_held_bytes{model="m"} 0.0' in page


def test_runs_are_counted_and_a_request_knows_how_long_it_waited(tmp_path: Path) -> None:
    metrics, begun, end = Metrics(), Event(), Event()
    catalog = load_catalog(settings_for(tmp_path, {"m": {1: echo()}}))
    model = catalog.model("m").predictor(1)
    seen = Observation()
    with Lanes(LaneLimits(threads=1)) as lanes:
        show_lanes(lanes, metrics.registry)

        def hold() -> None:
            begun.set()
            assert end.wait(20)

        run(lanes, hold, "m")
        assert begun.wait(20)
        rows = np.zeros((3, 2), np.float32)
        turn = predict(lanes, Prediction(model, {"x": rows}), observation=seen)
        came = monotonic()
        end.set()
        turn.result(20)
    page = metrics.page()[0].decode()  # a run is counted after its answers are given
    assert seen.queued is not None
    assert seen.queued >= came - turn.since
    assert seen.rows == 3
    seen.finish()
    times = seen.milliseconds()
    parts = [times[it] for it in ("queue", "decode", "compute", "encode")]
    assert abs(times["total"] - sum(parts)) < 1e-6
    assert 'lading_runs_total{model="m"} 1.0' in page
