"""The pages of the site, from the documents of the repository.

`docs/` is the root of the site. A document elsewhere, and a file that a document links to, is at
the same path below `repository/`. Links are changed so that they lead there.
"""

import re
import shutil
from collections.abc import Iterator
from os.path import normpath, relpath
from pathlib import Path, PurePosixPath
from typing import Final

DOCS: Final = PurePosixPath("docs")
ELSEWHERE: Final = PurePosixPath("repository")
"""Where the site has what is not below `docs/`."""

_DOCUMENTS = ("*.md", "docs/**/*.md", "benchmarks/*.md")
_BLOCKS = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(\]\()([^)#:\s]+)(#[^)\s]*)?(\))")


def copy_documents(repository: Path, pages: Path) -> None:
    """Copy every document into a folder of pages, and what they link to.

    Args:
        repository: the checkout.
        pages: the folder, which is emptied first.
    """
    shutil.rmtree(pages, ignore_errors=True)
    for path in _documents(repository):
        page = PurePosixPath(path.relative_to(repository))
        content = path.read_text(encoding="utf-8")
        _write(pages / _place(page), _relinked(content, page))
        for file in _linked_files(content, page):
            target = pages / _place(file)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(repository / file, target)


def _documents(repository: Path) -> Iterator[Path]:
    for pattern in _DOCUMENTS:
        yield from sorted(repository.glob(pattern))


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def _place(file: PurePosixPath) -> PurePosixPath:
    """Return where the site has a file of the repository."""
    return file.relative_to(DOCS) if file.is_relative_to(DOCS) else ELSEWHERE / file


def _target(link: str, page: PurePosixPath) -> PurePosixPath:
    return PurePosixPath(normpath(page.parent / link))


def _relinked(content: str, page: PurePosixPath) -> str:
    """Return a document with links that hold in the site; code stays as it is."""

    def link(found: re.Match[str]) -> str:
        before, path, anchor, after = found.groups(default="")
        place = relpath(_place(_target(path, page)), _place(page).parent)
        return f"{before}{place}{anchor}{after}"

    parts = _BLOCKS.split(content)
    return "".join(
        part if part.lstrip().startswith("```") else _LINK.sub(link, part) for part in parts
    )


def _linked_files(content: str, page: PurePosixPath) -> Iterator[PurePosixPath]:
    """Yield what a document links to that is no document."""
    for _, path, _, _ in _LINK.findall(content):
        target = _target(path, page)
        if target.suffix != ".md":
            yield target
