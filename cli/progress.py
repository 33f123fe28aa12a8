"""How long work is shown: a live line with a spinner at a terminal, plain lines elsewhere."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status

from lading.model_packaging.pipeline import STAGES

_WIDTH = max(map(len, STAGES))


class StageProgress:
    """An `OnStage` of the pipeline that writes to standard error.

    Args:
        model: whose stages they are.
        console: where to; rich tells a terminal from a file.
    """

    def __init__(self, model: str, console: Console) -> None:
        self._model = model
        self._console = console
        self._status: Status | None = None

    def __enter__(self) -> Self:
        self._console.print(f"[bold]{self._model}[/bold]", highlight=False)
        if self._console.is_terminal:
            self._status = self._console.status("")
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, stage: str, outcome: str) -> None:
        """Show that a stage began, or how it ended."""
        if outcome:
            line = f"  {stage:{_WIDTH}}  {outcome}"
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        elif self._status is not None:
            self._status.update(stage)
