"""`lading watch` writes the files of a stage, and says where the pages of its alerts are."""

from pathlib import Path

import yaml

from tests.cli.conftest import Lading


def test_the_files_of_a_stage_are_written_with_its_objectives(
    lading: Lading, tmp_path: Path
) -> None:
    stages = tmp_path / "stages.yaml"
    stages.write_text("stages: {prod: {watching: {latency_ms: 250}}}")
    told = ["--stage", "prod", "--stages", str(stages), "--output", str(tmp_path / "out")]
    document = lading("watch", *told, "--target", "a:8080", "--target", "b:8080", "--json").document
    assert document["alerts"]["LatencyBurnFast"] == "docs/runbook/latency-burn.md"
    for name in document["files"]:
        assert (tmp_path / "out" / name).is_file()
    folder = tmp_path / "out/prometheus"
    (job,) = yaml.safe_load((folder / "prometheus.yml").read_text())["scrape_configs"]
    assert job["static_configs"][0]["targets"] == ["a:8080", "b:8080"]
    assert 'le="0.25"' in (folder / "rules.yml").read_text()


def test_an_address_without_a_port_is_refused(lading: Lading, tmp_path: Path) -> None:
    ended = lading("watch", "--target", "models-1", "--output", str(tmp_path))
    assert ended.code == 2
    assert "must be HOST:PORT, not 'models-1'" in ended.err


def test_a_dry_run_lists_the_files_and_writes_none(lading: Lading, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    dry = lading("watch", "--output", str(folder), "--dry-run")
    assert f"{folder}/prometheus/rules.yml would be written" in dry.out.splitlines()
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_is_one_line(lading: Lading, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    ended = lading("watch", "--output", str(tmp_path / "out"))
    assert ended.code == 2
    assert "cannot be written" in ended.err
