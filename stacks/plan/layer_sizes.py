"""How large a function and its layers are when Lambda unpacks them, and whether they fit."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from lading.stacks.errors import MEGABYTE, LayersTooLarge

LIMIT = 250 * MEGABYTE
"""Of a function and all its layers, unpacked."""

MODEL = "the model"
"""Name of the artifact among the parts."""

_MOST_MEMORY = 10_240 * MEGABYTE
_COPIES = 3
"""In memory while it loads: the file, the session's copy, and room to run."""


def layer_sizes(*folders: Path) -> dict[str, int]:
    """Bytes of each package in the layers or function code at `folders`."""
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
    """`numpy` for `numpy.libs` and `numpy-2.5.5.dist-info`."""
    return name.partition("-")[0].partition(".")[0]


def require_fits(model: str, code: Mapping[str, int], artifact: int, limit: int = LIMIT) -> None:
    """Refuse a model whose artifact of `artifact` bytes does not fit beside `code`.

    Raises:
        LayersTooLarge: with the largest parts, and the target that fits.
    """
    sizes = {**code, MODEL: artifact}
    if sum(sizes.values()) > limit:
        raise LayersTooLarge(model, sizes, limit, _advice(model, sum(code.values()), artifact))


def _advice(model: str, code: int, artifact: int) -> str:
    if code > LIMIT:
        return "remove packages from the group `lambda` in pyproject.toml, then run `make lock`"
    if artifact * _COPIES > _MOST_MEMORY:
        return f"serve '{model}' on SageMaker"
    return f"let its function load '{model}' from S3 at its start, or serve it on SageMaker"
