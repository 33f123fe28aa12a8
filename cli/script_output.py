"""The output of a training script, as it is shown at a terminal."""

from time import monotonic

import typer

from lading.training.output import OnLine


def follow() -> OnLine:
    """Return a function that prints each line of a script's output with the elapsed time."""
    began = monotonic()

    def line(text: str) -> None:
        typer.echo(f"  {monotonic() - began:7.1f} s  {text}", err=True)

    return line
