"""Tables for people."""

from rich.console import Console
from rich.table import Table

_WIDE = 200


def show_table(table: Table) -> None:
    """Print a table as wide as the terminal, or, into a file or a pipe, as wide as it needs."""
    console = Console()
    if not console.is_terminal:
        console.width = _WIDE
    console.print(table)
