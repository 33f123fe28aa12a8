"""The numbers under the names of other servers, from the same counts."""

from collections.abc import Sequence

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lading.functions.contract.names import CONTAINER
from lading.functions.inference.observability.other_names import SERVERS
from lading.functions.inference.observability.prometheus import Metrics
from lading.functions.inference.wire.messages import Observation

OPEN = "application/openmetrics-text; version=1.0.0"


def metrics(names: Sequence[str]) -> Metrics:
    """Two answers of half a second, of which one waited, over REST and gRPC, and a failure."""
    counted = Metrics(names=names)
    for dialect in ("plain", "open_inference_grpc"):
        seen = Observation(1.0, dialect, "m", 1, 1.2, 1.3, ended=1.5)
        seen.queued = 0.1 if dialect == "plain" else None
        seen.rows = 1
        counted.note(seen, 200)
    counted.note(Observation(1.0, "plain", "m", 1, ended=1.1), 503)
    return counted


def samples(names: Sequence[str]) -> dict[str, float]:
    """Name with its label values, without the host's -> value."""
    text = metrics(names).page()[0].decode()
    return {
        " ".join(
            (it.name, *(it.labels[name] for name in sorted(it.labels) if name != "hostname"))
        ): it.value
        for family in text_string_to_metric_families(text)
        for it in family.samples
    }


def test_the_servers_are_those_of_the_setting() -> None:
    assert (*SERVERS,) == CONTAINER.metric_servers


def test_without_the_switch_there_are_only_our_names() -> None:
    assert {name.partition("_")[0] for name in samples(())} == {"lading", "process"}


def test_triton_counts_microseconds_and_successes() -> None:
    found = samples(["triton"])
    assert found["nv_inference_request_success m 1"] == 2
    assert found["nv_inference_request_failure m OTHER 1"] == 1
    for name, microseconds in (
        ("queue", 100_000),
        ("compute_input", 300_000),
        ("compute_infer", 200_000),
        ("compute_output", 400_000),
    ):
        assert found[f"nv_inference_{name}_duration_us m 1"] == pytest.approx(microseconds)


def test_tensorflow_serving_has_a_histogram_in_microseconds() -> None:
    found = samples(["tensorflow-serving"])
    assert found[":tensorflow:serving:request_count m OK"] == 2
    assert found[":tensorflow:serving:request_count m UNAVAILABLE"] == 1
    name = ":tensorflow:serving:request_latency"
    assert found[f"{name}_bucket Predict GRPC 500000.0 m"] == 1
    assert found[f"{name}_bucket Predict REST 250000.0 m"] == 1
    assert found[f"{name}_sum Predict GRPC m"] == pytest.approx(500_000)
    assert found[":tensorflow:serving:runtime_latency_count Predict m onnxruntime"] == 2


def test_torchserve_counts_by_version() -> None:
    found = samples(["torchserve"])
    assert found["ts_inference_requests_total m 1"] == 2
    assert found["ts_queue_latency_microseconds m 1"] == pytest.approx(100_000)


@pytest.mark.parametrize("accept", ["", OPEN])
def test_every_format_has_them(accept: str) -> None:
    page = metrics([*SERVERS]).page(accept)[0].decode()
    for start in (
        "nv_inference_request_success{",
        ":tensorflow:serving:request_count{",
        "ts_queue",
    ):
        assert f"\n{start}" in page
