"""The unpacked size of a function and its layers, and whether Lambda accepts it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from lading.functions.contract.limits import LAMBDA, MEGABYTE
from lading.stacks.errors import LayersTooLarge

MODEL = "the model"
"""Name of the artifact among the parts."""
TRACES = "AWS's layer for OpenTelemetry"
"""Name of the layer of `watching.trace_layers` among the parts."""

_NONE: Mapping[str, int] = MappingProxyType({})
_CONTAINER = "serve it in a container: set target: container and package it again (docs/native.md)"
_COPIES = 3
"""Copies in memory while a model loads: the file, the session's copy, and room to run."""


def layer_sizes(*folders: Path) -> dict[str, int]:
    """Return the bytes of each package in the layers or function code at `folders`."""
    sizes = Counter[str]()
    for folder in folders:
        for package, size in _files(folder):
            sizes[package] += size
    return dict(sizes)


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    root = folder / "python" if (folder / "python").is_dir() else folder
    for path in root.rglob("*"):
        if path.is_file():
            yield _package(path.relative_to(root).parts[0]), path.stat().st_size


def _package(name: str) -> str:
    """Return `numpy` for `numpy.libs` and `numpy-2.5.5.dist-info`."""
    return name.partition("-")[0].partition(".")[0]


def require_fits(
    model: str, code: Mapping[str, int], artifact: int, packages: Mapping[str, int] = _NONE
) -> None:
    """Refuse a model that exceeds the limit together with the code of its function.

    Args:
        model: name of the model.
        code: bytes of the service's code, by package.
        artifact: bytes of the artifact.
        packages: bytes of the packages of a class of the user's own.

    Raises:
        LayersTooLarge: it does not fit; the text has the largest parts, and what to do.
    """
    sizes = {**code, **{f"its {name}": size for name, size in packages.items()}, MODEL: artifact}
    if sum(sizes.values()) > LAMBDA.unpacked_bytes:
        advice = _CONTAINER if packages else _advice(model, sizes)
        raise LayersTooLarge(model, sizes, advice)


def _advice(model: str, sizes: Mapping[str, int]) -> str:
    artifact = sizes[MODEL]
    code = sum(sizes.values()) - artifact
    if sum(sizes.values()) - sizes.get(TRACES, 0) <= LAMBDA.unpacked_bytes:
        return "remove watching.trace_layers from stages.yaml; X-Ray traces functions without it"
    if code > LAMBDA.unpacked_bytes:
        return "remove packages from the group `lambda` in pyproject.toml, then run `make lock`"
    if artifact * _COPIES > LAMBDA.most_memory_mb * MEGABYTE:
        return f"serve '{model}' on SageMaker"
    return f"let its function load '{model}' from S3 at its start, or serve it on SageMaker"
