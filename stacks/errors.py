"""What can go wrong between the manifest and the cloud.

StackError
├── BuildError                  the Lambda code cannot be built
│   ├── RequirementsUnusable    requirements/lambda.txt does not say what to install
│   ├── WheelsMissing           the registry has no wheel for the target
│   ├── InterpreterUnfit        the Python asked for is not the target's
│   ├── CompilerMissing         nothing on this machine compiles for the target
│   ├── CompilationFailed       a source file does not compile
│   └── CodeDoesNotAnswer       it was built, and fails its first request
├── LayersTooLarge              a function and its layers pass Lambda's limit
├── SettingsError               stages.yaml, or what was asked of it, is impossible
└── PlanError                   what the lock says cannot be deployed as the stage says

Each says which value is wrong and what to do next, and carries those facts as attributes.
"""

from collections.abc import Mapping
from pathlib import Path

from lading.functions.contract.limits import LAMBDA, MEGABYTE


class StackError(Exception):
    """Root of the tree; its text is one line for the person who deploys."""


class BuildError(StackError):
    """The Lambda code cannot be built."""


class RequirementsUnusable(BuildError):
    """The lock of the Lambda requirements does not say what to install."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} {reason}; `make lock` writes it anew")
        self.path, self.reason = path, reason


class WheelsMissing(BuildError):
    """pip did not bring every wheel."""

    def __init__(self, target: str, reason: str) -> None:
        super().__init__(f"no complete set of wheels for {target}: {reason}")
        self.target, self.reason = target, reason


class InterpreterUnfit(BuildError):
    """The interpreter that was asked for cannot compile for the target."""

    def __init__(self, path: Path, version: str) -> None:
        super().__init__(f"{path} is no CPython {version}; name one, or none to look for it")
        self.path, self.version = path, version


class CompilerMissing(BuildError):
    """Nothing on this machine compiles for the target's Python."""

    def __init__(self, version: str, reason: str) -> None:
        super().__init__(
            f"nothing here compiles for Python {version} ({reason}); put python{version} on the "
            f"PATH (`uv python install {version}`), or Node.js with npm"
        )
        self.version, self.reason = version, reason


class CompilationFailed(BuildError):
    """A source file does not compile for the target."""

    def __init__(self, version: str, reason: str) -> None:
        super().__init__(f"the Lambda code does not compile for Python {version}: {reason}")
        self.version, self.reason = version, reason


class CodeDoesNotAnswer(BuildError):
    """The built code fails its first request; something that it needs was left out."""

    def __init__(self, layer: Path, reason: str) -> None:
        super().__init__(f"the code built in {layer} does not answer a request: {reason}")
        self.layer, self.reason = layer, reason


class LayersTooLarge(StackError):
    """A function and its layers pass Lambda's limit.

    Args:
        model: the model whose function it is.
        sizes: part -> bytes, the artifact among them under "the model".
        advice: which target fits instead.
    """

    _SHOWN = 4

    def __init__(self, model: str, sizes: Mapping[str, int], advice: str) -> None:
        self.model, self.sizes, self.advice = model, dict(sizes), advice
        largest = sorted(sizes.items(), key=lambda part: -part[1])[: self._SHOWN]
        parts = ", ".join(f"{name} {size / MEGABYTE:.1f} MB" for name, size in largest)
        total, limit = sum(sizes.values()) / MEGABYTE, LAMBDA.unpacked_bytes / MEGABYTE
        super().__init__(
            f"model '{model}': its function and layers unpack to {total:.1f} MB, over Lambda's "
            f"{limit:.0f} MB (largest: {parts}); {advice}"
        )


class SettingsError(StackError):
    """stages.yaml, or what was asked of it, is impossible; the text says what to write."""


class PlanError(StackError):
    """What the lock says of a model cannot be deployed as the stage says."""

    def __init__(self, model: str, version: int, reason: str) -> None:
        super().__init__(f"model '{model}', version {version}: {reason}")
        self.model, self.version, self.reason = model, version, reason
