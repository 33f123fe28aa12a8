"""The columns that an estimator gets, as tensors of a graph."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.estimators.graph import GraphBuilder, NoOnnxForm
from lading.model_packaging.estimators.notes import Origin

TEXT = np.dtype(np.object_)


@dataclass(frozen=True, slots=True)
class Block:
    """A tensor of shape [rows, columns], with the origin of each column if it is known."""

    tensor: str
    dtype: "np.dtype[Any]"
    origins: tuple[Origin | None, ...]

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.origins)


@dataclass(frozen=True, slots=True)
class Frame:
    """Blocks side by side; `names` are the names of all columns, if they have names.

    `sparse` says that scikit-learn passes a sparse matrix here, which stores no zeros.
    """

    blocks: tuple[Block, ...]
    names: tuple[str, ...] | None = None
    sparse: bool = False

    @property
    def origins(self) -> tuple[Origin | None, ...]:
        """The origins of all columns."""
        return tuple(origin for block in self.blocks for origin in block.origins)

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.origins)

    def has_text(self) -> bool:
        """Return whether a column holds texts."""
        return any(block.dtype == TEXT for block in self.blocks)


def computed(tensor: str, dtype: Any, origins: Iterable[Origin | None]) -> Frame:
    """Return a frame of one block."""
    return Frame((Block(tensor, np.dtype(dtype), tuple(origins)),))


def dtypes(frame: Frame) -> "list[np.dtype[Any]]":
    """Return the types of all columns."""
    return [block.dtype for block in frame.blocks for _ in block.origins]


def named(frame: Frame) -> list[str]:
    """Return the names of columns for error messages."""
    if frame.names:
        return [f"column '{name}'" for name in frame.names]
    return [
        f"column {place}" if origin is None else f"column {origin.column} of '{origin.input}'"
        for place, origin in enumerate(frame.origins)
    ]


def matrix(graph: GraphBuilder, frame: Frame) -> str:
    """Return all columns, which must be numbers, as one tensor of the graph's dtype.

    Raises:
        NoOnnxForm: a column holds texts, or there are no columns.
    """
    for name, dtype in zip(named(frame), dtypes(frame), strict=True):
        if dtype == TEXT:
            raise NoOnnxForm(f"needs numbers in {name}, which holds texts; make its datatype FP32")
    if not frame.blocks:
        raise NoOnnxForm("has a step without any columns")
    parts = [
        block.tensor if block.dtype == graph.dtype else graph.cast(block.tensor)
        for block in frame.blocks
    ]
    return graph.join(parts)


def rounded(values: Array, dtype: "np.dtype[Any]", toward: float) -> Array:
    """Return numbers of `dtype` that are next to the values towards plus or minus infinity.

    So rounded, a threshold divides the numbers of `dtype` as the value itself does.
    """
    nearest = values.astype(dtype)
    wide = nearest.astype(np.float64)
    beyond = wide > values if toward < 0 else wide < values
    return np.where(beyond, np.nextafter(nearest, dtype.type(toward)), nearest)


def select(graph: GraphBuilder, frame: Frame, columns: Sequence[int]) -> Frame:
    """Return some columns, in this order; neighbors of one block stay together."""
    places = [(block, inner) for block in frame.blocks for inner in range(block.width)]
    blocks: list[Block] = []
    run: list[int] = []
    for position, column in enumerate(columns):
        block, inner = places[column]
        run.append(inner)
        following = columns[position + 1] if position + 1 < len(columns) else None
        if following is None or places[following][0] is not block:
            blocks.append(_part(graph, block, run))
            run = []
    names = tuple(frame.names[column] for column in columns) if frame.names else None
    return replace(frame, blocks=tuple(blocks), names=names)


def _part(graph: GraphBuilder, block: Block, columns: list[int]) -> Block:
    if columns == list(range(block.width)):
        return block
    origins = tuple(block.origins[column] for column in columns)
    return Block(graph.take(block.tensor, columns), block.dtype, origins)


def beside(frames: Iterable[Frame], names: Sequence[str] | None = None) -> Frame:
    """Return frames side by side."""
    blocks = tuple(block for frame in frames for block in frame.blocks)
    return Frame(blocks, tuple(names) if names is not None else None)


def filled(frame: Frame, fills: Sequence[Any]) -> Frame:
    """Return a frame of texts in which an imputer has replaced missing ones by these."""
    places = iter(fills)
    blocks = []
    for block in frame.blocks:
        origins = tuple(
            origin and replace(origin, fill=fill if origin.fill is None else origin.fill)
            for origin, fill in zip(block.origins, places, strict=False)
        )
        blocks.append(replace(block, origins=origins))
    return Frame(tuple(blocks), frame.names)
