import json
from datetime import UTC, datetime

import numpy as np
import pytest

from lading.functions.inference.models.predictor import SessionError
from lading.model_packaging.measure.benchmark import MAX_RUNS, make_report, time_model
from lading.model_packaging.measure.peak_memory import Footprint
from tests.model_packaging.models import linear_bytes, rows


def test_a_model_is_timed_for_as_long_as_asked_and_at_least_once() -> None:
    once = time_model(linear_bytes(), {"x": rows(1)}, seconds=0)
    assert once.runs == 1
    many = time_model(linear_bytes(), {"x": rows(1)}, seconds=5)
    assert many.runs == MAX_RUNS
    assert 0 < many.p50_ms <= many.p95_ms
    assert many.load_ms > 0
    assert many.first_ms > 0
    assert many.throughput > 0


def test_a_model_that_cannot_run_is_an_error() -> None:
    with pytest.raises(SessionError):
        time_model(linear_bytes(), {"x": np.zeros((1, 3), np.float32)})


def test_the_report_says_machine_and_date() -> None:
    latency = time_model(linear_bytes(), {"x": rows(1)}, seconds=0)
    report = json.loads(json.dumps(make_report(latency, Footprint(1, 2.0, 3), {"model.onnx": 5})))
    assert report["footprint"] == {"peak_bytes": 1, "one_processor_ms": 2.0, "request_bytes": 3}
    assert report["bytes"] == {"model.onnx": 5}
    assert report["latency"]["runs"] == 1
    machine = {"platform", "processor", "cpus", "python", "onnxruntime"}
    assert set(report["machine"]) == machine
    assert all(report["machine"].values())
    age = datetime.now(UTC) - datetime.fromisoformat(report["date"])
    assert abs(age.total_seconds()) < 60
