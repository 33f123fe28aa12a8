import json
from pathlib import Path

import pytest
from onnx import helper

from tests.cli.conftest import Lading
from tests.conftest import Bucket
from tests.support.worlds import FLOAT, onnx_model, times


@pytest.fixture
def two_versions(packaged: Lading, workspace: Path) -> Lading:
    """Version 2 has another input, and is stable."""
    tensors = {"z": (FLOAT, ["rows", 3])}, {"y": (FLOAT, ["rows", 3])}
    negate = helper.make_node("Neg", ["z"], ["y"])
    (workspace / "double.onnx").write_bytes(onnx_model(*tensors, negate))
    assert packaged("package").code == 0
    return packaged


def facts(lading: Lading, *words: str) -> dict[str, tuple[object, object]]:
    document = lading("diff", *words, "--json").document
    return {each["name"]: (each["before"], each["after"]) for each in document["facts"]}


def test_says_how_the_signature_changed(two_versions: Lading) -> None:
    found = facts(two_versions, "double", "1", "2")
    assert found["input x"][1] is None
    assert found["input z"] == (None, "FP32 [-1, 3]")
    assert found["output y"][1] == "FP32 [-1, 3]"
    rows = [line.split() for line in two_versions("diff", "double", "1", "2").out.splitlines()]
    assert rows[0] == ["version", "1", "version", "2", "change"]
    [removed] = [row for row in rows if row[1:3] == ["input", "x"]]
    assert removed[-2:] == ["none", "removed"]


def test_says_the_size_the_latency_and_what_made_them(two_versions: Lading) -> None:
    rows = two_versions("versions", "--json").document
    sizes = {row["version"]: row["bytes"] for row in rows}
    document = two_versions("diff", "double", "1", "stable", "--json").document
    assert (document["model"], document["before"], document["after"]) == ("double", 1, 2)
    found = facts(two_versions, "double", "1", "2")
    assert found["bytes"] == (sizes[1], sizes[2])
    assert all(isinstance(each, float) for each in (*found["p50 ms"], *found["p95 ms"]))
    assert found["source"] == ("double.onnx", "double.onnx")
    first, second = found["source digest"]
    assert first != second


def test_a_version_is_the_same_as_itself(packaged: Lading) -> None:
    out = packaged("diff", "double", "1", "stable").out
    _header, *rows, note = out.splitlines()
    assert note == "The signature is the same."
    assert {row.split()[-1] for row in rows} == {"same"}
    assert {row.split()[0] for row in rows} == {"size", "latency"}


def test_versions_are_read_from_s3_where_they_are_not_local(
    lading: Lading, workspace: Path, bucket: Bucket
) -> None:
    for factor in (2, 3):
        (workspace / "double.onnx").write_bytes(times(factor))
        assert lading("package", "--store", bucket.address).code == 0
    first, second = facts(lading, "double", "1", "2")["source digest"]
    assert first != second
    assert not (workspace / "artifacts").exists()


def test_figures_of_different_machines_are_not_compared(
    two_versions: Lading, workspace: Path
) -> None:
    report = workspace / "artifacts/models/double/1/report.json"
    document = json.loads(report.read_bytes())
    document["machine"]["cpus"] = 512
    report.write_text(json.dumps(document))
    assert "measured on different machines" in two_versions("diff", "double", "1", "2").out


def test_a_lost_report_costs_only_the_latency(two_versions: Lading, workspace: Path) -> None:
    (workspace / "artifacts/models/double/1/report.json").write_text("[")
    found = facts(two_versions, "double", "1", "2")
    assert found["p50 ms"][0] is None
    assert isinstance(found["bytes"][0], int)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("double", "1", "7"), 4),
        (("double", "1", "canary"), 4),
        (("triple", "1", "2"), 4),
        (("double", "1"), 2),
    ],
)
def test_a_version_that_is_not_there_costs_one_line(
    two_versions: Lading, words: tuple[str, ...], code: int
) -> None:
    result = two_versions("diff", *words)
    assert (result.code, result.err.count("\n")) == (code, 1)


def test_a_damaged_version_costs_one_line(two_versions: Lading, workspace: Path) -> None:
    folder = workspace / "artifacts/models/double/1"
    report = folder / "report.json"
    report.write_text('{"stages": [{"step": "convert"}]}')
    result = two_versions("diff", "double", "1", "2")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "damaged" in result.err
    (folder / "model.onnx").write_bytes(b"another")
    result = two_versions("diff", "double", "1", "2")
    assert (result.code, result.err.count("\n")) == (6, 1)
