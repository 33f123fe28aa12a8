"""Parts of pages: the page itself, and tables."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from html import escape

from lading.model_packaging.report.style import STYLE

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""No script, and nothing from the network, whatever a label says."""


def document(title: str, parts: Iterable[str], style: str = "") -> str:
    """Return a page that loads nothing: its title, the parts of its body, and further style."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}{style}</style></head>\n"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    numbers: Iterable[int] = (),
    *,
    code: bool = False,
) -> str:
    """Return an HTML table; `numbers` are the columns to align to the right."""
    right = set(numbers)

    def cell(tag: str, column: int, text: str) -> str:
        kind = ' class="number"' if column in right else ' class="code"' if code and column else ""
        return f"<{tag}{kind}>{escape(text)}</{tag}>"

    head = "".join(cell("th", column, text) for column, text in enumerate(headings))
    body = "".join(
        f"<tr>{''.join(cell('td', column, text) for column, text in enumerate(row))}</tr>"
        for row in rows
    )
    top = f"<thead><tr>{head}</tr></thead>" if any(headings) else ""
    return f'<div class="table" tabindex="0"><table>{top}<tbody>{body}</tbody></table></div>'


@contextmanager
def undamaged() -> Iterator[None]:
    """Raise ValueError where a document is not what packaging writes."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"its documents are damaged: {error!r}") from error
