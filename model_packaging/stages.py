"""Runs the stages of packaging: reports each one, and makes unexpected errors useful."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from traceback import format_exception
from typing import ParamSpec, TypeVar

from lading.functions.contract.errors import InferenceError
from lading.model_packaging.errors import PackagingError
from lading.model_packaging.library_errors import LibraryFailed, library_errors
from lading.model_packaging.manifest.models import ModelSpec

OnStage = Callable[[str, str], None]
"""Called twice for each stage: `(stage, "")` at its start, `(stage, outcome)` at its end."""

_LONGEST_REASON = 300

_P = ParamSpec("_P")
_T = TypeVar("_T")


class UnexpectedFailure(PackagingError):
    """A library raised an error that Lading does not expect; `details` has the traceback.

    Remedy: read the traceback that the text names; try another version of the framework, or ONNX.
    """

    def __init__(
        self, model: str, stage: str, error: BaseException, tools: Mapping[str, str], details: Path
    ) -> None:
        reason = " ".join(str(error).split())[:_LONGEST_REASON]
        made = ", ".join(f"{name} {version}" for name, version in tools.items())
        super().__init__(
            f"model '{model}' failed in stage '{stage}' with {type(error).__name__}: {reason} "
            f"({made or 'no framework'}); {details} has the traceback; try another version of the "
            "framework, or export the model to ONNX and package that file"
        )
        self.model, self.stage, self.details = model, stage, details


def ignore_stages(stage: str, outcome: str) -> None:
    """An `OnStage` that reports nothing."""


@dataclass(frozen=True, slots=True)
class Stages:
    """Runs the stages of one model; unexpected errors of libraries become `UnexpectedFailure`.

    Args:
        on_stage: called for each stage.
        spec: the model, from the manifest.
        details: the file for the traceback of an unexpected error.
        tools: versions of the framework's packages.

    Attributes:
        cpu_seconds: the processor time of each stage that has ended, with that of its processes.
    """

    on_stage: OnStage
    spec: ModelSpec
    details: Path
    tools: Mapping[str, str] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict, init=False)

    def run(
        self,
        stage: str,
        function: Callable[_P, tuple[_T, str]],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Run one stage: a function that returns its result and a line about it."""
        self.on_stage(stage, "")
        before = _cpu_seconds()
        try:
            with library_errors(PackagingError, InferenceError):
                result, outcome = function(*args, **kwargs)
        except LibraryFailed as failed:
            raise self._unexpected(stage, failed.__cause__ or failed) from failed.__cause__
        self.cpu_seconds[stage] = round(_cpu_seconds() - before, 2)
        self.on_stage(stage, outcome)
        return result

    def _unexpected(self, stage: str, error: BaseException) -> UnexpectedFailure:
        self.details.parent.mkdir(parents=True, exist_ok=True)
        self.details.write_text("".join(format_exception(error)))
        return UnexpectedFailure(self.spec.name, stage, error, self.tools, self.details)


def _cpu_seconds() -> float:
    """Return the processor time of this process, and of those it started that have ended."""
    return sum(os.times()[:4])
