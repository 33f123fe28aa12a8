from pathlib import Path

import pytest

from lading.model_packaging.errors import SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.sources.folder import folder_files


def folder(root: Path) -> Path:
    (root / "model" / "variables").mkdir(parents=True)
    (root / "model" / "saved_model.pb").write_bytes(b"graph")
    (root / "model" / "variables" / "data").write_bytes(b"weights")
    return root / "model"


def test_every_file_below_counts_and_hidden_ones_do_not(tmp_path: Path) -> None:
    model = folder(tmp_path)
    (model / ".git").mkdir()
    (model / ".git" / "index").touch()
    (model / "link").symlink_to(model / "saved_model.pb")
    names = [path.relative_to(model).as_posix() for path in folder_files(ModelSpec("m", model))]
    assert names == ["link", "saved_model.pb", "variables/data"]


@pytest.mark.parametrize(
    ("target", "text"),
    [("../../secret", "a link that leaves it: 'variables/x'"), ("gone", "a broken link")],
)
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, target: str, text: str) -> None:
    model = folder(tmp_path)
    (tmp_path / "secret").touch()
    (model / "variables" / "x").symlink_to(target)
    with pytest.raises(SourceUnreadable, match=text):
        folder_files(ModelSpec("m", model))


def test_a_linked_folder_that_leads_out_is_refused(tmp_path: Path) -> None:
    model = folder(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (model / "assets").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SourceUnreadable, match="a link that leaves it: 'assets'"):
        folder_files(ModelSpec("m", model))
