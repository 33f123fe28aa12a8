"""Language models behind an emulated endpoint: a running server by its URL, or one of ours."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ClientError

from lading.emulator.engines.container_process import EngineProcess
from lading.emulator.engines.language import RunningServer, transformers_program
from lading.emulator.errors import ContainerNotReady, EngineUnavailable
from lading.emulator.sagemaker.endpoint import LocalEndpoint
from tests.emulator.language_models import write_language_model
from tests.support.emulator_sagemaker import Served, serving
from tests.support.frameworks import needs

TRANSFORMERS = needs("language", "torch", "transformers", "accelerate", "openai")
CHAT = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 4, "temperature": 0}


class Recorder(BaseHTTPRequestHandler):
    """A server that speaks a little of OpenAI's API, and says what it was asked."""

    models: ClassVar[Any] = {"data": [{"id": "its-own-name"}]}

    def do_GET(self) -> None:
        self.answer(200 if self.path == "/v1/models" else 404, self.models)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.answer(200, {"path": self.path, "body": body})

    def answer(self, status: int, document: Any) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        pass


@contextlib.contextmanager
def recorder(handler: type[Recorder] = Recorder) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def ask(served: Served, document: dict[str, Any]) -> Any:
    answer = served.invoke(json.dumps(document).encode(), ContentType="application/json")
    return json.loads(answer["Body"])


def test_a_running_server_is_asked_where_and_by_what_name_it_takes_a_request() -> None:
    with recorder() as url, serving(LocalEndpoint("e", RunningServer("e", url))) as served:
        chat = ask(served, {**CHAT, "model": "ours"})
        completion = ask(served, {"prompt": "hello"})
    assert chat == {"path": "/v1/chat/completions", "body": {**CHAT, "model": "its-own-name"}}
    assert (completion["path"], completion["body"]["model"]) == ("/v1/completions", "its-own-name")


@pytest.mark.parametrize("listed", [{}, [], {"data": []}, {"data": [{}]}, {"data": [1]}])
def test_a_server_that_lists_no_model_is_no_engine(listed: Any) -> None:
    class Other(Recorder):
        models: ClassVar[Any] = listed

    with recorder(Other) as url, pytest.raises(ContainerNotReady, match="lists no models"):
        asyncio.run(RunningServer("e", url).start())


def test_where_no_server_is_there_is_no_engine() -> None:
    with pytest.raises(ContainerNotReady, match="start that server"):
        asyncio.run(RunningServer("e", "http://127.0.0.1:1/v1").start())


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "https://host/v1", "http:///v1"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(EngineUnavailable, match="use a URL such as http://"):
        RunningServer("e", url)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`transformers serve` with a model that this test makes."""
    folder = tmp_path_factory.mktemp("model")
    write_language_model(folder)
    log = tmp_path_factory.mktemp("log") / "engine.log"
    engine = EngineProcess("e", transformers_program(folder), log)
    with serving(LocalEndpoint("e", engine)) as runtime:
        yield runtime


@TRANSFORMERS
def test_transformers_answers_a_chat(served: Served) -> None:
    answer = ask(served, CHAT)
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"]
    assert answer["usage"]["completion_tokens"] == 4


@TRANSFORMERS
def test_transformers_streams_what_it_answers_whole(served: Served) -> None:
    body = json.dumps({**CHAT, "stream": True}).encode()
    stream = served.client.invoke_endpoint_with_response_stream(
        EndpointName="e", Body=body, ContentType="application/json"
    )
    assert stream["ContentType"].startswith("text/event-stream")
    with contextlib.closing(stream["Body"]) as events:
        text = b"".join(event["PayloadPart"]["Bytes"] for event in events).decode()
    chunks = [json.loads(line[6:]) for line in text.split("\n") if line.startswith("data: {")]
    said = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    assert len(chunks) > 2
    assert said == ask(served, CHAT)["choices"][0]["message"]["content"]


@TRANSFORMERS
def test_transformers_refuses_as_it_does(served: Served) -> None:
    with pytest.raises(ClientError) as caught:
        ask(served, {"messages": "none"})
    assert caught.value.response["Error"]["Code"] == "ModelError"
