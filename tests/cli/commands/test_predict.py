import json
from pathlib import Path

import pytest

from lading.api.locked import served_settings
from lading.emulator.function.runtimes import create_function
from lading.emulator.gateway.api import Gateway
from lading.emulator.processes.server import in_background
from tests.cli.conftest import MANIFEST, Lading
from tests.support.worlds import STRING, echo, times


@pytest.fixture
def sample(workspace: Path) -> str:
    path = workspace / "sample.json"
    path.write_text(json.dumps({"inputs": [[1, 2.5], [3, 4]]}))
    return str(path)


def test_answers_with_the_stable_version(packaged: Lading, sample: str) -> None:
    assert packaged("predict", "double", "--input", sample, "--json").document == {
        "model": "double",
        "version": 1,
        "outputs": {"y": [[2.0, 5.0], [6.0, 8.0]]},
    }


def test_shows_a_row_for_each_item_to_people(packaged: Lading, sample: str) -> None:
    lines = packaged("predict", "double", "-i", sample).out.splitlines()
    assert lines[0] == "double version 1"
    assert [line.split() for line in lines[1:]] == [
        ["row", "y"],
        ["0", "[2", "5]"],
        ["1", "[6", "8]"],
    ]


def test_json_may_begin_with_a_byte_order_mark(packaged: Lading, sample: str) -> None:
    plain = packaged("predict", "double", "-i", sample).out
    Path(sample).write_bytes(b"\xef\xbb\xbf" + Path(sample).read_bytes())
    assert packaged("predict", "double", "-i", sample).out == plain


@pytest.mark.parametrize("missing", ["null", "NaN"])
def test_a_missing_value_is_null_or_nan_here_and_at_a_server(
    packaged: Lading, workspace: Path, missing: str
) -> None:
    path = workspace / "missing.json"
    path.write_text(f'{{"inputs": [[{missing}, 2.5], [16777217, 4]]}}')
    here = packaged("predict", "double", "-i", str(path), "--json").document
    assert here["outputs"] == {"y": [[None, 5.0], [33554432.0, 8.0]]}
    function = create_function(
        "process", served_settings(workspace / "models.lock.json", ()), log=workspace / "log"
    )
    with in_background(Gateway(function, lambda _: None), function) as port:
        url = f"http://127.0.0.1:{port}"
        there = packaged("predict", "double", "-i", str(path), "--json", "--url", url).document
    assert there == here


def test_a_version_and_a_label_can_be_named(packaged: Lading, workspace: Path, sample: str) -> None:
    (workspace / "double.onnx").write_bytes(times(3))
    (workspace / "models.yaml").write_text(MANIFEST + "    labels: [canary]\n")
    packaged("package")
    by_label = packaged("predict", "double", "-i", sample, "--label", "canary", "--json")
    by_version = packaged("predict", "double", "-i", sample, "--version", "1", "--json")
    assert by_label.document["outputs"]["y"][0] == [3.0, 7.5]
    assert by_version.document["outputs"]["y"][0] == [2.0, 5.0]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--version", "7"), 4),
        (("--label", "canary"), 4),
        (("--version", "1", "--label", "stable"), 2),
        (("--url", "http://127.0.0.1:9"), 7),
        (("--url", "ftp://host"), 7),
    ],
)
def test_a_bad_call_has_its_exit_code(
    packaged: Lading, sample: str, options: tuple[str, ...], code: int
) -> None:
    result = packaged("predict", "double", "-i", sample, *options)
    assert result.code == code
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("content", "code"), [("{", 8), ('{"inputs": [[1, "a"]]}', 8), ('{"inputs": [1]}', 8)]
)
def test_input_that_the_model_does_not_take_is_refused(
    packaged: Lading, workspace: Path, content: str, code: int
) -> None:
    (workspace / "bad.json").write_text(content)
    result = packaged("predict", "double", "-i", str(workspace / "bad.json"))
    assert result.code == code
    assert result.err.count("\n") == 1


def test_texts_are_shown_as_they_are(lading: Lading, workspace: Path) -> None:
    (workspace / "double.onnx").write_bytes(echo(STRING, ["batch"]))
    lading("package")
    (workspace / "texts.json").write_text('{"inputs": ["[/x]", "[red]", "ok [b]"]}')
    result = lading("predict", "double", "-i", "texts.json")
    assert [line.split(maxsplit=1)[1] for line in result.out.splitlines()[2:]] == [
        "[/x]",
        "[red]",
        "ok [b]",
    ]


def test_a_file_that_is_no_text_is_the_input_itself(lading: Lading, workspace: Path) -> None:
    (workspace / "double.onnx").write_bytes(echo(STRING, ["batch"]))
    lading("package")
    (workspace / "word.bin").write_bytes("é".encode())
    result = lading("predict", "double", "-i", "word.bin", "--json")
    assert result.document["outputs"] == {"y": ["é"]}


def test_a_missing_input_names_the_file(packaged: Lading) -> None:
    result = packaged("predict", "double", "-i", "nowhere.json")
    assert result.code == 2
    assert "nowhere.json" in result.err


def test_a_damaged_artifact_is_not_run(packaged: Lading, workspace: Path, sample: str) -> None:
    model = workspace / "artifacts/models/double/1/model.onnx"
    content = bytearray(model.read_bytes())
    content[-1] ^= 1
    model.write_bytes(content)
    result = packaged("predict", "double", "-i", sample)
    assert result.code == 6
    assert "digest" in result.err


def test_a_model_that_an_engine_serves_is_asked_at_its_server(
    lading: Lading, workspace: Path
) -> None:
    with (workspace / "models.yaml").open("a") as manifest:
        manifest.write("    target: sagemaker\n")
    assert lading("package").code == 0
    (workspace / "in.json").write_text('{"inputs": [1]}')
    result = lading("predict", "double", "--input", "in.json")
    assert result.code == 2
    assert "runs in triton, not in this process; start it with `lading serve double`" in result.err


def test_without_an_input_the_recorded_example_is_answered(packaged: Lading) -> None:
    result = packaged("predict", "double", "--json")
    assert len(result.document["outputs"]["y"]) >= 1
    assert "an example that packaging has recorded" in result.err


def test_rows_and_values_are_answered(lading: Lading, workspace: Path) -> None:
    (workspace / "double.onnx").write_bytes(echo(STRING, ["batch"]))
    lading("package")
    (workspace / "rows.csv").write_text("x,id\nOslo,1\nRome,2\n")
    by_file = lading("predict", "double", "-i", "rows.csv", "--json").document
    assert by_file["outputs"] == {"y": ["Oslo", "Rome"]}
    by_value = lading("predict", "double", "--set", "x=Oslo", "--json").document
    assert by_value["outputs"] == {"y": ["Oslo"]}


def test_a_server_says_what_its_model_takes(packaged: Lading, workspace: Path) -> None:
    (workspace / "rows.csv").write_text("a,b\n1,2\n")
    settings = served_settings(workspace / "models.lock.json", ())
    function = create_function("process", settings, log=workspace / "log")
    with in_background(Gateway(function, lambda _: None), function) as port:
        url = f"http://127.0.0.1:{port}"
        found = packaged("predict", "double", "-i", "rows.csv", "--json", "--url", url)
        nothing = packaged("predict", "double", "--url", url)
    assert found.document["outputs"] == {"y": [[2.0, 4.0]]}
    assert nothing.code == 2
    assert "--url needs --input or --set" in nothing.err
