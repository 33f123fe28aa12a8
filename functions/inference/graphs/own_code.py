"""An ensemble's own code: `combine(answers)` in a Python file of the artifact.

It gets a list with a dict of arrays for each step, in their order, and returns a dict of arrays.
"""

from lading.functions.inference.graphs.parts import OwnCombine, Tensors
from lading.functions.inference.processing.code import called, load_code


def own_combine(file: str, source: bytes) -> OwnCombine:
    """Return the file's function; this runs the file.

    Raises:
        ValueError: the file fails, or has no such function.
    """
    function = getattr(load_code(file, source), "combine", None)
    if function is None:
        raise ValueError(f"has a {file} that must define combine")

    def combine(answers: list[Tensors]) -> Tensors:
        return called(function, answers)

    return combine
