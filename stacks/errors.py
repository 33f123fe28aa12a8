"""The errors of planning, building and deploying stacks.

StackError
├── BuildError                  the Lambda code cannot be built
│   ├── RequirementsUnusable    a file of locked requirements cannot be used
│   ├── WheelsMissing           the registry has no wheel for the target
│   ├── PythonMissing           this machine has no Python of the target's version
│   ├── PackagesUnusable        the packages of a class of one's own cannot become a layer
│   ├── CompilationFailed       a source file does not compile
│   └── CodeDoesNotAnswer       the built code fails its first request
├── LayersTooLarge              a function and its layers exceed Lambda's limit
├── SettingsError               stages.yaml, or a request for one of its stages, is invalid
└── PlanError                   a locked version cannot be deployed to the stage

Each text says which value is wrong and what to do next; attributes carry the same facts.
"""

from collections.abc import Mapping
from pathlib import Path

from lading.functions.contract.limits import LAMBDA, MEGABYTE


class StackError(Exception):
    """The root of the tree; its text is one line for the person who deploys."""


class BuildError(StackError):
    """The Lambda code cannot be built.

    Remedy: correct what the text names, and build again.
    """


class RequirementsUnusable(BuildError):
    """A file of locked requirements cannot be used.

    Remedy: write the file again with `make lock`.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} {reason}; run `make lock` to write it again")
        self.path, self.reason = path, reason


class WheelsMissing(BuildError):
    """pip cannot download every wheel for the target.

    Remedy: check the index of pip, or take a version that has wheels for the target.
    """

    def __init__(self, target: str, reason: str) -> None:
        super().__init__(f"pip cannot download every wheel for {target}: {reason}")
        self.target, self.reason = target, reason


class PythonMissing(BuildError):
    """This machine has no Python of the target's version, which compiles the code.

    Remedy: `uv python install` with the version that the text names.
    """

    def __init__(self, version: str) -> None:
        super().__init__(
            f"the code for Lambda is compiled by Python {version}, and none was found here; run "
            f"`uv python install {version}`, or put python{version} on the PATH"
        )
        self.version = version


class PackagesUnusable(BuildError):
    """The packages of a class of one's own cannot become a layer of its function.

    Remedy: change `requirements.txt` as the text says and package again, or serve the model in a
    container (`target: container`).
    """

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(f"model '{model}': its requirements.txt {reason}")
        self.model, self.reason = model, reason


class CompilationFailed(BuildError):
    """A source file does not compile for the target.

    Remedy: correct the source that the text names.
    """

    def __init__(self, python: Path, reason: str) -> None:
        super().__init__(f"the Lambda code does not compile with {python}: {reason}")
        self.python, self.reason = python, reason


class CodeDoesNotAnswer(BuildError):
    """The built code fails its first request: a file that it needs was left out.

    Remedy: run the tests of `stacks/build`: a file that the code needs was left out.
    """

    def __init__(self, layer: Path, reason: str) -> None:
        super().__init__(f"the code built in {layer} fails a request: {reason}")
        self.layer, self.reason = layer, reason


class LayersTooLarge(StackError):
    """A function and its layers exceed Lambda's limit.

    Remedy: make the model smaller, give it fewer steps or packages, or set `target: sagemaker`; a
    class of one's own can run in a container (`target: container`).

    Args:
        model: name of the model.
        sizes: part -> bytes; "the model" is the artifact.
        advice: what to do instead.
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
    """stages.yaml, or a request for one of its stages, is invalid; the text says what to write.

    Remedy: correct stages.yaml at the place that the text names.
    """


class PlanError(StackError):
    """A locked version cannot be deployed to the stage.

    Remedy: change the setting that the text names, or package the model again for this stage.
    """

    def __init__(self, model: str, version: int, reason: str) -> None:
        super().__init__(f"model '{model}', version {version}: {reason}")
        self.model, self.version, self.reason = model, version, reason
