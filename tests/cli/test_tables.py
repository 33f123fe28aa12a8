import pytest

from lading.cli.tables import show_table


def test_cells_are_shown_as_they_are_and_not_cut_in_a_pipe(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_table(("name", "size"), [("[bold]x[/bold]" * 8, "7")], right=("size",))
    heading, row = capsys.readouterr().out.splitlines()
    assert "[bold]x[/bold]" * 8 in row
    assert heading.index("size") + len("size") == len(row.rstrip())
