"""Counts the bytecode instructions that the interpreter runs, which no other load changes."""

import sys
from types import FrameType
from typing import Any, Self


class Counter:
    """Counts the instructions of a block."""

    count = 0

    def __enter__(self) -> Self:
        self._before = sys.gettrace()  # that of a tool that measures coverage
        sys.settrace(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _called(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._ran

    def _ran(self, _frame: FrameType, event: str, _argument: Any) -> Any:
        self.count += event == "opcode"
        return self._ran
