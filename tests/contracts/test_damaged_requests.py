"""Damage of every kind to a request of every dialect: its own error, and no harm to what follows.

`tests/contracts/damage.py` is the table; gRPC has its own, in `test_damaged_grpc_requests.py`.
"""

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

import pytest

from lading.functions.inference.app.application import create_app
from lading.functions.inference.app.torchserve_management import create_management
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.loading.control import ModelControl
from lading.functions.inference.wire.asgi import App
from tests.contracts.damage import BOMB, BOMBED, DEEP, DIALECTS, LONGEST, NESTING, Dialect
from tests.contracts.sent import Sent
from tests.support import sagemaker
from tests.support.driver import Answer, ask
from tests.support.engines import proxy
from tests.support.sagemaker import answer
from tests.support.worlds import STRING, add_sub, echo, of_tokens, settings_for

MODELS = {
    "floats": {1: echo()},
    "text": {1: echo(STRING, ["n"])},
    "simple": {1: add_sub()},
    "tokens": {1: of_tokens()},
}
COMPLETION = b'{"choices":[{"text":"ho","finish_reason":"stop"}]}'
SMALL = 256 << 10
"""Bytes that an answer may take, whatever the request."""

MULTIPLE = 32
"""Bytes that one of a body may take: a list of Python's for `[]`, and a place in another."""

Servers = dict[str, App]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    root = tmp_path_factory.mktemp("models")
    catalog = load_catalog(settings_for(root, MODELS))
    control = ModelControl(catalog, root)
    catalog.attach(control)
    language = load_catalog(proxy(tmp_path_factory.mktemp("language"), "m"))
    with sagemaker.running(answer(COMPLETION)):
        yield {
            "models": create_app(catalog, longest_body=LONGEST),
            "language": create_app(language, longest_body=LONGEST),
            "management": create_management(catalog, control),
        }


def send(servers: Servers, dialect: Dialect, sent: Sent) -> Answer:
    path = sent.path or dialect.path
    target = path if " " in path else f"POST {path}"
    return ask(servers[dialect.server], target, sent.body, dict(sent.headers))


def check_error(dialect: Dialect, found: Answer) -> None:
    """The body is an error document of the dialect, short and with a text for people."""
    assert found.headers["content-type"] == "application/json"
    assert len(found.body) < 600
    match dialect.error:
        case "triple":
            assert list(found.document) == ["code", "type", "message"]
            assert found.document["code"] == found.status
            assert found.document["message"]
        case "object":
            assert list(found.document["error"]) == ["message", "type", "param", "code"]
            assert found.document["error"]["message"]
        case _:
            assert found.error


CELLS = [(name, kind) for name, dialect in DIALECTS.items() for kind in (*dialect.damage, BOMB)]
HTTP_BODIES = [cell for cell in CELLS if cell != ("TorchServe's management", BOMB)]


@pytest.mark.parametrize(("name", "kind"), HTTP_BODIES)
def test_damage_gets_the_dialects_own_error_and_harms_nothing(
    servers: Servers, name: str, kind: str
) -> None:
    dialect = DIALECTS[name]
    sent = dialect.damage.get(kind, BOMBED)
    assert send(servers, dialect, dialect.good).status == 200
    found = send(servers, dialect, sent)
    assert found.status == sent.status, found.body
    check_error(dialect, found)
    assert send(servers, dialect, dialect.good).status == 200


@pytest.mark.parametrize(("name", "kind"), HTTP_BODIES)
def test_damage_takes_memory_by_the_length_of_its_request_alone(
    servers: Servers, name: str, kind: str
) -> None:
    """Not by what it announces; what is packed counts as the longest body that is taken."""
    dialect = DIALECTS[name]
    sent = dialect.damage.get(kind, BOMBED)
    send(servers, dialect, sent)  # what is imported when it is first needed stays
    tracemalloc.start()
    try:
        send(servers, dialect, sent)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < SMALL + (3 * LONGEST if kind == BOMB else MULTIPLE * len(sent.body))


def ends(opened: bytes) -> bytes:
    """The brackets that close a text of JSON, none of which stands in a string."""
    found: list[int] = []
    for each in opened:
        if each in b"[{":
            found.insert(0, each + 2)
        elif each in b"]}":
            found.pop(0)
    return bytes(found)


NESTED = [
    name
    for name, dialect in DIALECTS.items()
    if dialect.damage.get(NESTING, Sent()).body.endswith(DEEP.encode()) and "binary" not in name
]


@pytest.mark.parametrize("depth", [65, 300, 1000])
@pytest.mark.parametrize("name", NESTED)
def test_nesting_that_some_parser_takes_is_no_fault_of_ours(
    servers: Servers, name: str, depth: int
) -> None:
    dialect = DIALECTS[name]
    sent = dialect.damage[NESTING]
    before = sent.body.removesuffix(DEEP.encode())
    closed = before + b"[" * depth + b"]" * depth + ends(before)
    found = send(servers, dialect, replace(sent, body=closed))
    passed_on = name == "OpenAI, chat" and depth < 1000  # for the engine to refuse
    assert found.status == (200 if passed_on else 400), found.body
