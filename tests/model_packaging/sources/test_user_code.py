from pathlib import Path

import pytest

from lading.model_packaging.errors import ManifestError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.sources.user_code import load_class


def spec(folder: Path, class_path: str, **files: str) -> ModelSpec:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return ModelSpec("m", Path("m.pt"), class_path=class_path, manifest=folder / "models.yaml")


def test_code_beside_the_manifest_may_import_its_neighbours(tmp_path: Path) -> None:
    found = load_class(
        spec(
            tmp_path,
            "nets_of_mine:Net",
            nets_of_mine="from neighbour_of_mine import SIZE\nclass Net: size = SIZE\n",
            neighbour_of_mine="SIZE = 7\n",
        )
    )
    assert found.size == 7


def test_code_that_changed_is_run_afresh(tmp_path: Path) -> None:
    assert load_class(spec(tmp_path, "nets:Net", nets="class Net: size = 1\n")).size == 1
    assert load_class(spec(tmp_path, "nets:Net", nets="class Net: size = 20\n")).size == 20


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 / 0", r"nets\.py cannot be run: ZeroDivisionError"),
        ("def f(:", "cannot be run: SyntaxError"),
        ("class Nett: pass", r"has no class 'Net'; did you mean 'Nett'\?"),
        ("Net = 3", "has no class 'Net'"),
    ],
)
def test_code_that_does_not_give_the_class_is_one_clear_error(
    tmp_path: Path, text: str, reason: str
) -> None:
    with pytest.raises(ManifestError, match=reason):
        load_class(spec(tmp_path, "nets:Net", nets=text))
