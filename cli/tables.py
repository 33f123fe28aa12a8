"""Tables on standard output."""

from collections.abc import Collection, Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE = 200


def show_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], right: Collection[str] = ()
) -> None:
    """Print a table as wide as the terminal; into a file or a pipe, as wide as it needs.

    Args:
        headings: the columns.
        rows: the cells of each row.
        right: headings of columns that are aligned to the right.
    """
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console()
    if not console.is_terminal:
        console.width = _WIDE
    console.print(table)
