"""What one exchange adds to the counters and histograms of a process."""

from lading.functions.contract.errors import EndpointUnready, Throttled
from lading.functions.contract.watched import BYTES
from lading.functions.inference.observability.counting import Counts
from lading.functions.inference.observability.families import Registry
from lading.functions.inference.wire.messages import Observation


def answered(**changes: object) -> Observation:
    seen = Observation(1.0, "plain", "m", 1, 1.2, 1.3, ended=1.5)
    for name, value in {"request_id": "r", "received": 70, "sent": 5, **changes}.items():
        setattr(seen, name, value)
    return seen


def counted(*exchanges: tuple[Observation, int]) -> dict[str, list[float]]:
    """Name of each family -> the numbers of its only series."""
    registry = Registry()
    counts = Counts(registry)
    for seen, status in exchanges:
        counts.note(seen, status)
    return {
        name: entries[0][2] for name, entries in registry.snapshot().items() if len(entries) == 1
    }


def test_an_answer_is_counted_with_its_sizes_rows_and_times() -> None:
    found = counted((answered(rows=3, queued=0.15), 200))
    assert found["lading_requests"] == [1.0]
    assert found["lading_request_bytes"][:3] == [0.0, 1.0, 0.0]  # 70 is above 64
    assert found["lading_response_bytes"][-1] == 5.0
    assert found["lading_batch_rows"][2] == 1.0  # up to 4
    for part, seconds in (("", 0.5), ("_queue", 0.15), ("_decode", 0.05), ("_encode", 0.2)):
        assert abs(found[f"lading{part}_latency_seconds"][-1] - seconds) < 1e-9


def test_a_request_that_did_not_wait_is_not_in_the_histogram_of_waits() -> None:
    assert "lading_queue_latency_seconds" not in counted((answered(), 200))


def test_errors_start_with_zeros_and_a_waking_endpoint_is_no_failure() -> None:
    assert counted((answered(), 200))["lading_server_errors"] == [0.0]
    waking = answered(error=EndpointUnready("m", 1, "Creating", "it starts", 5))
    found = counted((waking, 503))
    assert found["lading_server_errors"] == [0.0]
    assert found["lading_endpoint_waking"] == [1.0]
    found = counted((answered(error=Throttled("m", 1)), 429), (answered(broken=True), 200))
    assert (found["lading_client_errors"], found["lading_server_errors"]) == ([1.0], [1.0])
    broke = answered(broken=True, error=EndpointUnready("m", 1, "Failed", "it broke"))
    found = counted((broke, 200))
    assert found["lading_server_errors"] == [1.0]
    assert found["lading_broken_streams"] == [1.0]


def test_the_first_request_of_a_process_is_its_cold_start() -> None:
    registry = Registry()
    counts = Counts(registry)
    for model in ("m", "m", "n"):
        counts.note(answered(model=model), 200)
    entries = registry.snapshot()["lading_cold_starts"]
    assert {entry[0][0]: entry[2] for entry in entries} == {"m": [1.0], "n": [0.0]}


def test_the_newest_request_of_a_bucket_is_its_exemplar() -> None:
    registry = Registry()
    counts = Counts(registry)
    for name in ("a", "b"):
        counts.note(answered(request_id=name), 200)
    (entry,) = registry.snapshot()["lading_latency_seconds"]
    named = [exemplar for exemplar in entry[3] if exemplar is not None]
    assert [(exemplar[0], exemplar[1]) for exemplar in named] == [("b", 0.5)]


def test_a_size_above_every_bound_is_in_the_last_bucket() -> None:
    found = counted((answered(received=int(BYTES[-1]) + 1), 200))
    assert found["lading_request_bytes"][len(BYTES)] == 1.0
