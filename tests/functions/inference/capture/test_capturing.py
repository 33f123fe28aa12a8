"""A share of the requests is captured, and a failure is counted, never raised."""

import json
from pathlib import Path
from time import perf_counter

import pytest

from lading.functions.contract.capture import CaptureSettings
from lading.functions.inference.capture import capturing as module
from lading.functions.inference.capture.capturing import MOST_WAITING, Capturing
from tests.functions.inference.capture.captures import Gate, answered, captured_in

HERE = CaptureSettings("unused")
LATER = CaptureSettings("unused", waits=False)


def opened() -> Gate:
    gate = Gate()
    gate.open.set()
    return gate


def test_a_captured_request_is_found_by_its_id(tmp_path: Path) -> None:
    capturing = Capturing(CaptureSettings(str(tmp_path)))
    capturing.offer("id-1", answered())
    (found,) = captured_in(tmp_path)
    assert (found.id, found.model, found.version) == ("id-1", "credit", 3)
    assert capturing.totals() == {"credit": (1, 0)}


def test_in_a_server_nobody_waits_for_the_write() -> None:
    gate = Gate()
    capturing = Capturing(LATER, place=gate)
    capturing.offer("id-1", answered())
    assert gate.entered.wait(20)
    assert not gate.kept
    gate.open.set()
    capturing.end()
    assert len(gate.kept) == 1


def test_what_finds_no_room_is_lost_and_counted() -> None:
    gate = Gate()
    capturing = Capturing(LATER, place=gate)
    capturing.offer("first", answered())
    assert gate.entered.wait(20)  # the thread has it, and the queue is empty
    for number in range(MOST_WAITING + 5):
        capturing.offer(f"id-{number}", answered())
    assert capturing.totals() == {"credit": (0, 5)}
    gate.open.set()
    lines = capturing.end()
    assert capturing.totals() == {"credit": (MOST_WAITING + 1, 5)}
    assert json.loads(lines[0])["reason"] == "too many requests wait to be written"


def test_requests_that_wait_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 200)
    gate = Gate()
    capturing = Capturing(LATER, place=gate)
    for number in range(3):
        capturing.offer(f"id-{number}", answered())
    gate.open.set()
    capturing.end()
    kept, lost = capturing.totals()["credit"]
    assert (kept + lost, lost > 0) == (3, True)


def test_a_file_within_the_limit_of_an_object_finds_room() -> None:
    gate = opened()
    capturing = Capturing(LATER, place=gate)
    capturing.offer("id-1", answered(note=b"x" * (3 << 20)))
    capturing.end()
    assert capturing.totals() == {"credit": (1, 0)}


def test_a_failed_write_is_counted_and_the_next_are_not_tried() -> None:
    gate = opened()
    gate.failure = "S3 is away"
    capturing = Capturing(HERE, "lading-dev", gate)
    for number in range(3):
        capturing.offer(f"id-{number}", answered())
    assert gate.tries == 1
    (line,) = map(json.loads, capturing.end())
    told = {key: line[key] for key in ("message", "level", "model", "stage", "reason")}
    assert told == {
        "message": "capture",
        "level": "WARNING",
        "model": "credit",
        "stage": "lading-dev",
        "reason": "S3 is away",
    }
    assert (line["Captured"], line["CaptureLost"]) == (0, 3)
    (declared,) = line["_aws"]["CloudWatchMetrics"]
    assert declared["Dimensions"] == [["model", "stage"]]
    assert {it["Name"] for it in declared["Metrics"]} == {"Captured", "CaptureLost"}


def test_a_second_request_of_an_id_does_not_replace_the_first() -> None:
    gate = opened()
    capturing = Capturing(HERE, place=gate)
    capturing.offer("id-1", answered(age=40))
    capturing.offer("id-1", answered(age=41))
    assert capturing.totals() == {"credit": (1, 1)}
    assert b"[[40]]" in b"".join(gate.kept.values())


def test_a_large_request_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_OBJECT", 100)
    gate = opened()
    capturing = Capturing(HERE, place=gate)
    capturing.offer("id-1", answered())
    assert (capturing.totals(), gate.tries) == ({"credit": (0, 1)}, 0)


def test_an_allowed_field_that_the_model_does_not_have_is_named_in_the_log() -> None:
    capturing = Capturing(HERE._replace(fields=("age", "agee", "x[7]")), place=opened())
    capturing.offer("id-1", answered())
    (line,) = map(json.loads, capturing.end())
    assert (line["level"], line["unknown_fields"]) == ("WARNING", ["agee", "x[7]"])


def test_lines_are_due_after_a_minute_and_say_nothing_twice() -> None:
    capturing = Capturing(HERE, place=opened())
    capturing.offer("id-1", answered())
    assert capturing.lines(perf_counter()) == []
    (line,) = capturing.lines(perf_counter() + 61)
    assert (json.loads(line)["Captured"], json.loads(line)["CaptureLost"]) == (1, 0)
    assert capturing.end() == []
