"""What the documents name is there: files, and links to them."""

import re
from pathlib import Path

import pytest

from tests.support.rooms import ROOMS

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", ".github/*.md", "docs/**/*.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
)
OF_OTHERS = {
    *("process.py", "networks/ranker.py", "networks/digits.py"),
    *("simple_http_health_metadata.py", "simple_http_model_control.py"),
}
"""Files that a reader writes, and Triton's example clients."""

SOURCES = [
    str(path.relative_to(ROOT))
    for room in ("app.py", *ROOMS, "tests")
    for path in (ROOT / room).rglob("*.py")
] + ["app.py", *(str(path.relative_to(ROOT)) for path in (ROOT / "benchmarks").rglob("*.py"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())
    assert not [link for link in links if not (document.parent / link).exists()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_that_is_named_exists(document: Path) -> None:
    named = set(re.findall(r"`((?:\w+/)*\w+\.py)`", document.read_text())) - OF_OTHERS
    lost = [name for name in named if not any(f"/{at}".endswith(f"/{name}") for at in SOURCES)]
    assert not lost


def test_the_glossary_is_in_order_and_explains_each_word_once() -> None:
    words = re.findall(
        r"^\| \*\*(.+?)\*\* \|", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE
    )
    assert words
    assert words == sorted(set(words))
