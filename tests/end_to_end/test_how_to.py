"""The how-tos by framework: each page's script trains a model, and its commands give an answer."""

import re
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.end_to_end.conftest import ROOT, run, run_in_shell
from tests.support.frameworks import needs

pytestmark = pytest.mark.slow

PAGES = ROOT / "docs/how-to"
LONG = pytest.mark.long
"""Other tests package models of these frameworks in every run."""

MARKS: Mapping[str, tuple[pytest.MarkDecorator, ...]] = {
    "scikit-learn": (needs("tabular", "pandas"),),
    "onnx": (),
    "boosted-trees": (LONG, needs("boosting", "xgboost")),
    "keras": (LONG, needs("tensorflow", "keras", "tensorflow", "tf2onnx")),
    "hugging-face": (LONG, needs("huggingface", "torch", "transformers")),
    "pytorch": (LONG, needs("pytorch", "torch", "onnxscript")),
    "jax": (pytest.mark.skipif(not find_spec("jax2onnx"), reason="pip install jax2onnx"),),
}
"""Page -> when it is tried."""


def blocks(page: str, language: str) -> list[str]:
    text = (PAGES / f"{page}.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def sentiment(folder: Path) -> None:
    """The folder that the page supposes: a Hugging Face classifier of texts."""
    from tests.model_packaging.transformers_folders import bert

    (folder / "sentiment").mkdir()
    bert(folder / "sentiment")


@pytest.mark.parametrize("page", [pytest.param(each, marks=MARKS[each]) for each in MARKS])
def test_the_page(tmp_path: Path, page: str) -> None:
    if page == "hugging-face":
        sentiment(tmp_path)
    for script in blocks(page, "python"):
        run(tmp_path, sys.executable, "-c", script)
    shell = blocks(page, "sh")
    commands = [block for block in shell if not block.startswith("pip install ")]
    assert len(shell) - len(commands) <= 1
    written = run_in_shell(tmp_path, "\n".join(commands))
    assert re.search(r"version 1 (published|of)", written), written
    assert "label" in written or "output" in written or "y " in written, written


def test_every_how_to_is_tried() -> None:
    assert set(MARKS) == {path.stem for path in PAGES.glob("*.md")}
