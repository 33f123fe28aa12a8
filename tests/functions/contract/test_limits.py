import ast
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest

from lading.functions.contract.limits import CLOUDFORMATION, GATEWAY, LAMBDA, SAGEMAKER
from tests.support.interpreter import ROOT
from tests.support.rooms import ROOMS

DISTINCTIVE = {
    LAMBDA.request_bytes,
    LAMBDA.response_bytes,
    LAMBDA.most_memory_mb,
    LAMBDA.processor_mb,
    LAMBDA.unpacked_bytes,
    LAMBDA.artifact_bytes,
    GATEWAY.body_bytes,
}
"""Numbers that are nothing else but a limit of AWS's."""


def maximum(service: str, shape: str, key: str = "max") -> int:
    """A bound that the service's own description states."""
    model = botocore.session.get_session().get_service_model(service)
    return int(model.shape_for(shape).metadata[key])


@pytest.mark.parametrize(
    ("limit", "service", "shape"),
    [
        (SAGEMAKER.payload_bytes, "sagemaker-runtime", "BodyBlob"),
        (SAGEMAKER.instance_types, "sagemaker", "InstancePoolList"),
        (SAGEMAKER.alarms, "sagemaker", "AlarmList"),
    ],
)
def test_a_limit_is_the_one_in_the_services_description(
    limit: int, service: str, shape: str
) -> None:
    assert limit == maximum(service, shape)


def test_the_service_answers_before_the_gateway_gives_up() -> None:
    assert max(GATEWAY.answer_timeout_s, SAGEMAKER.hold_s) < GATEWAY.timeout_s < LAMBDA.timeout_s
    assert LAMBDA.name_length < CLOUDFORMATION.name_length


def test_no_other_module_repeats_a_limit() -> None:
    limits = ROOT / "functions" / "contract" / "limits.py"
    sources = (path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    repeated = {
        f"{path.relative_to(ROOT)}: {number}"
        for path in sources
        if path != limits
        for number in numbers(path)
        if number in DISTINCTIVE
    }
    assert repeated == set()


def numbers(path: Path) -> Iterator[int]:
    """Each whole number in a source file, also as a product: `6 * 1024 * 1024`, `10 << 20`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        value = folded(node)
        if value is not None:
            yield value


def folded(node: ast.AST) -> int | None:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.BinOp):
        left, right = folded(node.left), folded(node.right)
        if left is None or right is None:
            return None
        if isinstance(node.op, ast.Mult):
            return left * right
        if isinstance(node.op, ast.LShift):
            return left << right
    return None
