"""The channels of a training."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from lading.training.channels import files_below, read_channels
from lading.training.errors import TrainingError
from tests.training.conftest import NoObjects, Project


class Listed(NoObjects):
    """S3 with these objects."""

    def __init__(self, found: Mapping[str, tuple[int, str]]) -> None:
        self.found = found

    def tags(self, address: str) -> dict[str, tuple[int, str]]:
        assert address == "s3://bucket/rows"
        return dict(self.found)


def test_a_channel_may_be_a_file(project: Project, tmp_path: Path) -> None:
    channels = read_channels(project(channels={"train": "data/times2.onnx"}), NoObjects())
    assert channels["train"].files == {"times2.onnx": tmp_path / "data/times2.onnx"}


@pytest.mark.parametrize(
    ("channel", "reason"),
    [("gone", "is missing; put it there"), ("empty", "is empty; "), ("zero", "only empty files")],
)
def test_a_missing_or_empty_channel_is_an_error_with_its_place(
    project: Project, tmp_path: Path, channel: str, reason: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "zero").mkdir()
    (tmp_path / "zero/rows.csv").touch()
    spec = project(channels={"train": channel})
    with pytest.raises(
        TrainingError, match=rf"models.yaml:\d+: models.m.train.channels.train: .*{reason}"
    ):
        read_channels(spec, NoObjects())


def test_the_digest_of_objects_in_s3_needs_no_download(project: Project) -> None:
    spec = project(channels={"train": "s3://bucket/rows"})
    one = read_channels(spec, Listed({"a.csv": (3, "t1")}))["train"]
    assert one.address == "s3://bucket/rows/"
    assert one.digest == read_channels(spec, Listed({"a.csv": (3, "t1")}))["train"].digest
    assert one.digest != read_channels(spec, Listed({"a.csv": (3, "t2")}))["train"].digest


@pytest.mark.parametrize("found", [{}, {"a.csv": (0, "t")}], ids=["none", "empty"])
def test_no_data_in_s3_is_an_error(project: Project, found: dict[str, tuple[int, str]]) -> None:
    with pytest.raises(TrainingError, match=r"channels.train: s3://bucket/rows has no data"):
        read_channels(project(channels={"train": "s3://bucket/rows"}), Listed(found))


def test_hidden_files_are_not_data(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/config").write_text("1")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/a.csv").write_text("1")
    assert list(files_below(tmp_path)) == ["b/a.csv"]
