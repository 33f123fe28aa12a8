"""Stages of packaging: shown as they pass, and their unexpected errors made useful."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from traceback import format_exception
from typing import ParamSpec, TypeVar

from lading.functions.contract.errors import InferenceError
from lading.model_packaging.errors import PackagingError
from lading.model_packaging.manifest.models import ModelSpec

OnStage = Callable[[str, str], None]
"""Called twice for each stage: `(stage, "")` when it starts, `(stage, outcome)` when it is done."""

_LONGEST_REASON = 300

_P = ParamSpec("_P")
_T = TypeVar("_T")


class UnexpectedFailure(PackagingError):
    """A library raised an error that Lading does not know; `details` has the traceback."""

    def __init__(
        self, model: str, stage: str, error: Exception, tools: Mapping[str, str], details: Path
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
    """An `OnStage` that shows nothing."""


@dataclass(frozen=True, slots=True)
class Stages:
    """Runs stages, and gives unexpected errors of libraries a form that people can use."""

    on_stage: OnStage
    spec: ModelSpec
    details: Path
    tools: Mapping[str, str] = field(default_factory=dict)

    def run(
        self,
        stage: str,
        function: Callable[_P, tuple[_T, str]],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Run one stage, which gives its result and a line about it."""
        self.on_stage(stage, "")
        try:
            result, outcome = function(*args, **kwargs)
        except (PackagingError, InferenceError):
            raise
        except Exception as error:  # libraries raise whatever their code runs into
            raise self._unexpected(stage, error) from error
        self.on_stage(stage, outcome)
        return result

    def _unexpected(self, stage: str, error: Exception) -> UnexpectedFailure:
        self.details.parent.mkdir(parents=True, exist_ok=True)
        self.details.write_text("".join(format_exception(error)))
        return UnexpectedFailure(self.spec.name, stage, error, self.tools, self.details)
