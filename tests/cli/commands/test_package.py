from pathlib import Path

from lading.model_packaging.pipeline import STAGES
from tests.cli.conftest import MANIFEST, Lading
from tests.support.worlds import times


def test_publishes_a_version_and_writes_the_lock(lading: Lading, workspace: Path) -> None:
    result = lading("package")
    assert result.out.startswith("double version 1 published: ")
    assert (workspace / "artifacts/models/double/1/model.onnx").is_file()
    assert (workspace / "models.lock.json").is_file()


def test_the_same_again_publishes_nothing(packaged: Lading) -> None:
    assert packaged("package").out.startswith("double version 1 unchanged: ")


def test_a_dry_run_says_what_would_get_a_new_version_and_writes_nothing(
    lading: Lading, workspace: Path
) -> None:
    before = sorted(workspace.rglob("*"))
    result = lading("package", "--dry-run")
    assert result.out == "double would get a new version\n"
    assert result.err == "nothing was written; run the command without --dry-run to write it\n"
    assert sorted(workspace.rglob("*")) == before
    lading("package")
    assert lading("package", "--dry-run").out == "double would keep version 1\n"
    (workspace / "double.onnx").write_bytes(times(3))
    [document] = lading("package", "--dry-run", "--json").document
    assert document == {"model": "double", "dry_run": True, "version": None, "download": ""}
    (workspace / "double.onnx").unlink()
    assert lading("package", "--dry-run").code == 2


def test_another_model_is_the_next_version(packaged: Lading, workspace: Path) -> None:
    (workspace / "double.onnx").write_bytes(times(3))
    assert packaged("package").out.startswith("double version 2 published: ")


def test_shows_each_stage_as_a_plain_line_where_there_is_no_terminal(lading: Lading) -> None:
    lines = lading("package", "--verbose").err.splitlines()
    assert lines[0] == "double"
    assert [line.split()[0] for line in lines[1:]] == list(STAGES)


def test_stages_that_did_nothing_are_left_out(lading: Lading) -> None:
    shown = [line.split()[0] for line in lading("package").err.splitlines()[1:]]
    assert {"convert", "check", "publish"} <= set(shown)
    assert not {"prune", "quantize", "engine", "signatures"} & set(shown)


def test_json_is_the_only_thing_on_standard_output(lading: Lading) -> None:
    [document] = lading("package", "--json").document
    assert document["model"] == "double"
    assert document["built"] is True
    assert document["labels"] == ["stable"]


def test_an_unknown_model_names_the_likely_one(lading: Lading) -> None:
    result = lading("package", "duoble")
    assert result.code == 4
    assert "double" in result.err
    assert result.err.count("\n") == 1


def test_an_unknown_key_names_file_line_and_the_likely_key(lading: Lading, workspace: Path) -> None:
    (workspace / "models.yaml").write_text(MANIFEST + "    quantise: dynamic\n")
    result = lading("package")
    assert result.code == 2
    assert "models.yaml:4" in result.err
    assert "quantize" in result.err


def test_a_missing_manifest_costs_one_line(lading: Lading, workspace: Path) -> None:
    (workspace / "models.yaml").unlink()
    result = lading("package")
    assert result.code == 2
    assert "models.yaml" in result.err
    assert result.err.count("\n") == 1


def test_a_damaged_source_publishes_nothing(lading: Lading, workspace: Path) -> None:
    (workspace / "double.onnx").write_bytes(times(2)[:40])
    result = lading("package", "--json")
    assert result.code == 5
    [document] = result.document
    assert (document["model"], document["error"]["kind"]) == ("double", "SourceUnreadable")
    assert not (workspace / "models.lock.json").exists()


BROKEN_FIRST = """\
models:
  broken:
    source: broken.onnx
  double:
    source: double.onnx
"""
ABSENT = "    accuracy: {data: absent.npz, metric: accuracy, max_drop: 0.01}\n"


def test_a_model_that_fails_stops_no_other(lading: Lading, workspace: Path) -> None:
    (workspace / "models.yaml").write_text(BROKEN_FIRST)
    (workspace / "broken.onnx").write_bytes(times(2)[:40])
    result = lading("package", "--json")
    assert result.code == 5
    assert [(it["model"], "error" in it) for it in result.document] == [
        ("broken", True),
        ("double", False),
    ]
    assert result.err.splitlines()[-1] == "1 of 2 models failed: broken"
    assert (workspace / "artifacts/models/double/1").is_dir()


def test_models_that_fail_differently_have_an_exit_code_of_their_own(
    lading: Lading, workspace: Path
) -> None:
    (workspace / "models.yaml").write_text(BROKEN_FIRST + ABSENT)
    (workspace / "broken.onnx").write_bytes(times(2)[:40])
    result = lading("package")
    assert result.code == 1
    assert result.err.splitlines()[-1] == "2 of 2 models failed: broken, double"


def test_a_store_that_cannot_be_written_fails_every_model(lading: Lading, workspace: Path) -> None:
    (workspace / "models.yaml").write_text(MANIFEST + "  other:\n    source: double.onnx\n")
    (workspace / "artifacts").write_text("")
    result = lading("package")
    assert result.code == 6
    assert result.err.count("error: ") == 2


def test_the_words_of_its_json_are_those_of_the_list_of_versions(packaged: Lading) -> None:
    [published] = packaged("package", "--json").document
    [listed] = packaged("versions", "--json").document
    common = {"model", "version", "labels", "digest", "bytes", "accuracy"}
    assert {key: published[key] for key in common} == {key: listed[key] for key in common}
