import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lading.api.locked import served_settings
from lading.functions.contract.dialects import DIALECTS
from lading.functions.contract.settings import ServingSettings
from lading.functions.contract.split import VersionSplit
from tests.cli.commands.test_serve import serving
from tests.cli.conftest import Lading
from tests.conftest import Bucket
from tests.support.driver import ask, serve
from tests.support.worlds import (
    FLOAT,
    HALF,
    STRING,
    add_sub,
    brain_doubled,
    echo,
    times,
    write_artifact,
)

pytestmark = pytest.mark.slow

TOKEN = "lading_" + "t" * 43

GOLDEN = [
    "plain predict, base URL",
    "plain predict, root path",
    "open_inference infer, base URL",
    "open_inference infer, root path",
    "tensorflow_serving predict, base URL",
    "tensorflow_serving classify, base URL",
    "tensorflow_serving predict, root path",
    "tensorflow_serving classify, root path",
    "torchserve predict, base URL",
    "torchserve predict, root path",
    "sagemaker invoke, base URL",
]
"""Operations that answer the golden requests of a model with one float matrix."""

NAMES_ITS_VERSION = ("open_inference", "plain", "sagemaker")
"""Dialects whose answers name the version."""


@dataclass
class Api:
    """A deployed API, as far as its callers see; it lets through who holds the token."""

    url: str = ""
    seen: list[str] = field(default_factory=list)


@contextmanager
def deployed(workspace: Path, settings: ServingSettings | None = None) -> Iterator[Api]:
    lock = workspace / "models.lock.json"
    app, api = serve(settings or served_settings(lock, [])), Api()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            api.seen.append(self.path)
            if self.headers.get("authorization") != f"Bearer {TOKEN}":
                self._send(403, b'{"message": "Forbidden"}')
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = ask(app, f"{self.command} {self.path}", body, headers)
            self._send(answer.status, answer.body, answer.headers)

        do_GET = do_POST  # noqa: N815 its name is the method's

        def _send(
            self, status: int, content: bytes, headers: Mapping[str, str] | None = None
        ) -> None:
            self.send_response(status)
            for name, value in {**(headers or {}), "content-length": str(len(content))}.items():
                self.send_header(name, value)
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


def golden(document: Any) -> list[Any]:
    """The checks that compare several golden answers."""
    return [check for check in document["answers"] if check["calls"] > 1]


def test_every_operation_is_called_and_every_stranger_refused(
    packaged: Lading, workspace: Path
) -> None:
    with deployed(workspace) as api:
        result = run(packaged, api)
    assert result.code == 0
    document = result.document
    assert (document["right"], document["versions"]) == (True, {"double": 1})
    assert set(wrong(document)) == {""}
    assert [check["operation"] for check in golden(document)] == GOLDEN
    refused = [(check["subject"], check["operation"]) for check in document["refusals"]]
    assert refused == [
        (who, f"POST {path}")
        for path in ("/double/predict", "/predict/double")
        for who in ("no credentials", "forged credentials")
    ]


def test_every_dialect_is_called_at_the_base_url_and_at_root_paths(
    packaged: Lading, workspace: Path
) -> None:
    with deployed(workspace) as api:
        called = {check["operation"] for check in run(packaged, api).document["answers"]}
    for dialect in DIALECTS:
        for route in dialect.routes:
            if route.in_memory and route.method == "GET" and "{version}" not in route.template:
                assert f"{dialect.name} {route.operation}, base URL" in called
                assert f"{dialect.name} {route.operation}, root path" in called
    assert not {name for name in called if "load" in name}


def test_people_see_a_table_and_what_is_left_to_prove(packaged: Lading, workspace: Path) -> None:
    with deployed(workspace) as api:
        words = ("--url", api.url, "--token", TOKEN, "--report", str(workspace / "reports"))
        lines = packaged("smoke", *words).out.splitlines()
    table = lines[1 : lines.index("Only a real account proves:")]
    assert {line.split()[-1] for line in table[:-4]} == {"right"}
    assert [line.split()[-1] for line in table[-4:]] == ["refused"] * 4
    assert ["double", "1", "plain", "predict,", "base", "URL"] in [
        line.split()[:6] for line in table
    ]
    assert all(line.startswith("  not proved") for line in lines[len(table) + 2 : -2])
    assert lines[-2].startswith("Open claims: ")
    report = Path(lines[-1].removeprefix("report: "))
    assert report.read_text().startswith(f"# Smoke test of {api.url}\n")


@pytest.mark.parametrize("model", [echo(HALF), brain_doubled()], ids=["FP16", "BF16"])
def test_half_floats_use_the_operations_that_carry_them_in_json(
    lading: Lading, workspace: Path, model: bytes
) -> None:
    (workspace / "double.onnx").write_bytes(model)
    assert lading("package").code == 0
    with deployed(workspace) as api:
        result = run(lading, api)
    assert (result.code, set(wrong(result.document))) == (0, {""})
    names = [check["operation"] for check in golden(result.document)]
    assert names == ["plain predict, base URL", "plain predict, root path"]


@pytest.mark.parametrize(
    ("model", "more"),
    [
        (add_sub(), []),
        (echo(STRING, ["n", 2]), []),
        (echo(FLOAT, []), []),
        (echo(FLOAT, ["n"]), ["regress"]),
        (echo(FLOAT, ["n", 1]), ["classify", "regress"]),
    ],
    ids=["two", "text", "scalar", "vector", "column"],
)
def test_every_kind_of_tensor_goes_through_every_operation_that_it_fits(
    lading: Lading, workspace: Path, model: bytes, more: list[str]
) -> None:
    (workspace / "double.onnx").write_bytes(model)
    assert lading("package").code == 0
    with deployed(workspace) as api:
        result = run(lading, api)
    assert set(wrong(result.document)) == {""}
    names = {check["operation"] for check in golden(result.document)}
    wanted = {name for name in GOLDEN if "classify" not in name}
    wanted |= {f"tensorflow_serving {it}, {at}" for it in more for at in ("base URL", "root path")}
    assert names == wanted


def test_an_open_api_is_found_unless_that_is_meant(packaged: Lading, workspace: Path) -> None:
    with serving(workspace) as (ready, _):
        found = packaged("smoke", "--url", ready["url"], "--json")
        meant = packaged("smoke", "--url", ready["url"], "--json", "--open")
    assert (found.code, meant.code) == (7, 0)
    assert wrong(found.document, "refusals") == ["status 200, must be 401 or 403"] * 2
    assert set(wrong(found.document)) == set(wrong(meant.document)) == {""}
    assert meant.document["refusals"] == []


def test_another_version_than_the_locked_one_is_found(packaged: Lading, workspace: Path) -> None:
    with deployed(workspace) as api:
        (workspace / "double.onnx").write_bytes(times(2.0001))
        packaged("package")
        result = run(packaged, api)
    assert result.code == 7
    assert set(wrong(result.document)) == {"", "version 1 answered, not 2"}
    found = [check["operation"] for check in result.document["answers"] if check["wrong"]]
    assert found == [name for name in GOLDEN if name.split()[0] in NAMES_ITS_VERSION]


def test_wrong_numbers_are_found_in_every_dialect(packaged: Lading, workspace: Path) -> None:
    with deployed(workspace) as api:
        shutil.rmtree(workspace / "artifacts")
        (workspace / "models.lock.json").unlink()
        (workspace / "double.onnx").write_bytes(times(3))
        packaged("package")
        result = run(packaged, api)
    assert result.code == 7
    texts = [check["wrong"] for check in golden(result.document)]
    assert all("output 'y'" in text and "expected" in text for text in texts)


def test_a_token_that_the_api_rejects_fails_every_call(packaged: Lading, workspace: Path) -> None:
    with deployed(workspace) as api:
        result = packaged("smoke", "--url", api.url, "--token", "other", "--json")
    assert result.code == 7
    assert set(wrong(result.document)) == {'status 403: {"message": "Forbidden"}'}


def test_a_model_without_golden_requests_must_be_ready(lading: Lading, workspace: Path) -> None:
    (workspace / "double.onnx").write_bytes(echo(FLOAT, [1, 300_000]))
    assert lading("package").code == 0
    with deployed(workspace) as api:
        result = run(lading, api)
    assert result.code == 0
    assert golden(result.document) == []
    assert result.document["answers"][0]["operation"] == "locked version ready, base URL"
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
    assert [check["operation"] for check in golden(result.document)] == GOLDEN


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("absent",), 4, "there is no model 'absent'"),
        ((), 7, "cannot be reached"),
        (("--url", "http://example.com"), 7, "would receive the token unencrypted"),
    ],
)
def test_what_cannot_be_asked_costs_one_line(
    packaged: Lading, words: tuple[str, ...], code: int, reason: str
) -> None:
    result = packaged("smoke", "--url", "http://127.0.0.1:9", "--token", TOKEN, *words)
    errors = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert (result.code, len(errors)) == (code, 1)
    assert reason in errors[0]


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


def test_the_stable_version_of_a_split_model_is_asked(packaged: Lading, workspace: Path) -> None:
    settings = served_settings(workspace / "models.lock.json", [])
    (model,) = settings.models
    write_artifact(workspace / "artifacts", "double", 2, times(3))
    versions = {**model.versions, 2: ""}
    both = model._replace(versions=versions, split=VersionSplit({1: 0, 2: 100}))
    with deployed(workspace, settings._replace(models=(both,))) as api:
        found = packaged("smoke", "--url", api.url, "--token", TOKEN, "--json")
    assert {check["wrong"] for check in found.document["answers"]} == {""}
    assert found.code == 0
