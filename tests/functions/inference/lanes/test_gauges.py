"""The queue of each model is in the metrics."""

from threading import Event

from lading.functions.inference.lanes.gauges import show_lanes
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.observability.prometheus import Metrics
from tests.support.operations import run


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
