"""The reference of limits, from the one place that has the limits of AWS's services."""

import ast
import inspect
from collections.abc import Iterator

from lading.functions.contract import limits
from website.markdown import code, table, text

_HEAD = """# Limits

The limits of AWS's services, as of November 2026, that Lading is built for. `lading serve` and the
emulator have them too, so that what works here works there. [The container](../container.md) has
limits of its own, and [costs](../costs.md) says what each service costs.
"""

_TITLES = {
    "LAMBDA": "Lambda",
    "GATEWAY": "API Gateway",
    "SAGEMAKER": "SageMaker",
    "CLOUDFORMATION": "CloudFormation",
}
_UNITS = {"_bytes": "bytes", "_s": "seconds", "_mb": "MB of memory", "_percent": "percent"}


def limits_page() -> str:
    """Return the page of all limits, a section for each service."""
    tree = ast.parse(inspect.getsource(limits))
    services = [each for each in tree.body if isinstance(each, ast.ClassDef)]
    return "\n".join([_HEAD, *(part for each in services for part in _service(each))])


def _service(node: ast.ClassDef) -> Iterator[str]:
    yield f"## {_TITLES.get(node.name, node.name)}\n"
    yield f"{text(ast.get_docstring(node) or '')}\n"
    values = vars(getattr(limits, node.name))
    rows = []
    for place, each in enumerate(node.body):
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            name = each.target.id
            rows.append([code(name), _shown(name, values[name]), _told(node.body, place)])
    yield table(["limit", "value", "meaning"], rows)


def _told(body: list[ast.stmt], place: int) -> str:
    """Return the text below a constant."""
    below = body[place + 1] if place + 1 < len(body) else None
    if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
        return text(below.value.value)
    return ""


def _shown(name: str, value: object) -> str:
    unit = next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")
    if isinstance(value, range):
        return f"{value[0]} to {value[-1]} {unit}"
    if isinstance(value, int) and unit == "bytes" and value % limits.MEGABYTE == 0:
        return f"{value // limits.MEGABYTE} MB"
    return f"{value:,} {unit}".rstrip()
