import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lading.cli.locked import served_settings
from tests.cli.commands.test_serve import serving
from tests.cli.conftest import Lading
from tests.conftest import Bucket
from tests.support.driver import ask, serve
from tests.support.worlds import FLOAT, HALF, STRING, add_sub, brain_doubled, echo, times

pytestmark = pytest.mark.slow

TOKEN = "lading_" + "t" * 43

WAYS = [
    "plain, base URL",
    "plain, root path",
    "v2, base URL",
    "v2, root path",
    "v1, base URL",
    "v1, root path",
]


@dataclass
class Api:
    """A deployed API, as far as its callers see; it lets through who holds the token."""

    url: str = ""
    seen: list[str] = field(default_factory=list)


@contextmanager
def deployed(workspace: Path) -> Iterator[Api]:
    app, api = serve(served_settings(workspace / "models.lock.json", [])), Api()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            api.seen.append(self.path)
            if self.headers.get("authorization") != f"Bearer {TOKEN}":
                self._send(403, b'{"message": "Forbidden"}')
                return
            answer = ask(app, f"{self.command} {self.path}", body)
            self._send(answer.status, answer.body)

        do_GET = do_POST  # noqa: N815 its name is the method's

        def _send(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        api.url = f"http://127.0.0.1:{server.server_port}"
        yield api
        server.shutdown()
        thread.join()


def run(lading: Lading, api: Api, *words: str) -> Any:
    return lading("smoke", "--url", api.url, "--token", TOKEN, "--json", *words)


def wrong(document: Any, kind: str = "answers") -> list[str]:
    return [check["wrong"] for check in document[kind]]


def test_every_way_is_asked_and_every_stranger_refused(packaged: Lading, workspace: Path) -> None:
    with deployed(workspace) as api:
        result = run(packaged, api)
    assert result.code == 0
    document = result.document
    assert (document["right"], document["versions"]) == (True, {"double": 1})
    assert [check["way"] for check in document["answers"]] == WAYS
    assert wrong(document) == [""] * 6
    assert all(check["calls"] > 1 for check in document["answers"])
    refused = [(check["subject"], check["way"]) for check in document["refusals"]]
    assert refused == [(who, way) for way in WAYS[:2] for who in ("nobody", "a forger")]


def test_people_see_a_table_and_what_is_left_to_prove(packaged: Lading, workspace: Path) -> None:
    with deployed(workspace) as api:
        lines = packaged("smoke", "--url", api.url, "--token", TOKEN).out.splitlines()
    assert [line.split()[:4] for line in lines[1:7]] == [
        ["double", "1", *way.split()[:2]] for way in WAYS
    ]
    assert [line.split()[-1] for line in lines[7:11]] == ["refused"] * 4
    assert lines[11] == "Only a real account proves:"
    assert all(line.startswith("  not proved") for line in lines[12:])


@pytest.mark.parametrize("model", [echo(HALF), brain_doubled()], ids=["FP16", "BF16"])
def test_half_floats_go_the_ways_that_carry_them_in_json(
    lading: Lading, workspace: Path, model: bytes
) -> None:
    (workspace / "double.onnx").write_bytes(model)
    assert lading("package").code == 0
    with deployed(workspace) as api:
        result = run(lading, api)
    assert (result.code, wrong(result.document)) == (0, ["", ""])
    assert [check["way"] for check in result.document["answers"]] == WAYS[:2]


@pytest.mark.parametrize(
    "model", [add_sub(), echo(STRING, ["n", 2]), echo(FLOAT, [])], ids=["two", "text", "scalar"]
)
def test_every_kind_of_tensor_goes_every_way(lading: Lading, workspace: Path, model: bytes) -> None:
    (workspace / "double.onnx").write_bytes(model)
    assert lading("package").code == 0
    with deployed(workspace) as api:
        result = run(lading, api)
    assert wrong(result.document) == [""] * len(result.document["answers"])


def test_an_open_api_is_found_unless_that_is_meant(packaged: Lading, workspace: Path) -> None:
    with serving(workspace) as (ready, _):
        found = packaged("smoke", "--url", ready["url"], "--json")
        meant = packaged("smoke", "--url", ready["url"], "--json", "--open")
    assert (found.code, meant.code) == (7, 0)
    assert wrong(found.document, "refusals") == ["status 200, where 401 or 403 must be"] * 2
    assert wrong(found.document) == wrong(meant.document) == [""] * 6
    assert meant.document["refusals"] == []


def test_another_version_than_the_locked_one_is_found(packaged: Lading, workspace: Path) -> None:
    with deployed(workspace) as api:
        (workspace / "double.onnx").write_bytes(times(2.0001))
        packaged("package")
        result = run(packaged, api)
    assert result.code == 7
    assert wrong(result.document) == ["version 1 answered, not 2"] * 4 + [""] * 2


def test_wrong_numbers_are_found_in_every_dialect(packaged: Lading, workspace: Path) -> None:
    with deployed(workspace) as api:
        shutil.rmtree(workspace / "artifacts")
        (workspace / "models.lock.json").unlink()
        (workspace / "double.onnx").write_bytes(times(3))
        packaged("package")
        result = run(packaged, api)
    assert result.code == 7
    assert all("output 'y'" in text and "expected" in text for text in wrong(result.document))


def test_a_token_that_is_not_taken_fails_every_model(packaged: Lading, workspace: Path) -> None:
    with deployed(workspace) as api:
        result = packaged("smoke", "--url", api.url, "--token", "other", "--json")
    assert result.code == 7
    assert wrong(result.document) == ['status 403: {"message": "Forbidden"}'] * 6


def test_a_model_without_golden_requests_is_asked_whether_it_is_ready(
    lading: Lading, workspace: Path
) -> None:
    (workspace / "double.onnx").write_bytes(echo(FLOAT, [1, 300_000]))
    assert lading("package").code == 0
    with deployed(workspace) as api:
        result = run(lading, api)
    assert result.code == 0
    assert [check["way"] for check in result.document["answers"]] == ["ready, base URL"]
    assert api.seen[0] == "/double/v2/models/double/versions/1/ready"


def test_golden_requests_come_from_s3_when_they_are_only_there(
    lading: Lading, workspace: Path, bucket: Bucket
) -> None:
    lading("package")
    with deployed(workspace) as api:
        (workspace / "models.lock.json").unlink()
        lading("package", "--store", bucket.address)
        shutil.rmtree(workspace / "artifacts")
        result = run(lading, api)
    assert result.code == 0
    assert [check["calls"] > 1 for check in result.document["answers"]] == [True] * 6


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("absent",), 4, "there is no model 'absent'"),
        ((), 7, "cannot be reached"),
        (("--url", "http://example.com"), 7, "would get the token in the clear"),
    ],
)
def test_what_cannot_be_asked_costs_one_line(
    packaged: Lading, words: tuple[str, ...], code: int, reason: str
) -> None:
    result = packaged("smoke", "--url", "http://127.0.0.1:9", "--token", TOKEN, *words)
    assert (result.code, result.err.count("\n")) == (code, 1)
    assert reason in result.err


def test_a_model_that_is_not_deployed_is_not_found(packaged: Lading) -> None:
    packaged("label", "double", "stable", "--remove")
    for words, which in (((), "model of models.yaml"), (("double",), "model 'double'")):
        result = packaged("smoke", "--url", "http://127.0.0.1:9", *words)
        assert (result.code, result.err.count("\n")) == (4, 1)
        assert f"{which} with a version labeled 'stable'" in result.err


@pytest.mark.parametrize(
    ("file", "reason"),
    [("golden.json", "is damaged; restore it"), ("artifact.json", "is not the locked artifact")],
)
def test_damaged_golden_requests_are_told(
    packaged: Lading, workspace: Path, file: str, reason: str
) -> None:
    with (workspace / "artifacts/models/double/1" / file).open("ab") as damaged:
        damaged.write(b" ")
    result = packaged("smoke", "--url", "http://127.0.0.1:9")
    assert result.code == 2
    assert reason in result.err
