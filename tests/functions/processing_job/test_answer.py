"""The program of a Processing job, run by a bare Python, with an engine that dies and refuses."""

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from lading.emulator.processes.ports import free_port
from lading.functions.processing_job import answer as program

ENGINE = """\
import os, socket, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.say(200, b"")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if body == b"die":  # as large engines do: deaf at once, gone a while later
            for each in (self.server.socket, self.connection):
                each.shutdown(socket.SHUT_RDWR)
            time.sleep(0.3)
            os._exit(1)
        if body.isdigit():
            self.say(int(body), b"refused")
        else:
            model = Path(sys.argv[1], "name").read_bytes()
            self.say(200, model + b":" + body + b":" + self.headers["content-type"].encode())
    def say(self, status, content):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
    def log_message(self, *_):
        pass

port = int(os.environ["SAGEMAKER_BIND_TO_PORT"])
ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


def start(folder: Path, engine: str, **requests: bytes) -> "subprocess.CompletedProcess[str]":
    """Run the program to its end, as a container would."""
    for name, body in requests.items():
        (folder / "requests").mkdir(exist_ok=True)
        (folder / "requests" / name).write_bytes(body)
    (folder / "engine.py").write_text(ENGINE)
    words = {each: str(folder / each) for each in ("model", "requests", "answers")}
    words |= {"served": str(folder / "ml" / "model"), "content-type": "text/own", "engine": engine}
    given = [word for name, text in words.items() for word in (f"--{name}", text)]
    return subprocess.run(
        [sys.executable, "-I", "-S", program.__file__, *given],
        env={"SAGEMAKER_BIND_TO_PORT": str(free_port())},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def engine(tmp_path: Path) -> str:
    return f"{sys.executable} -I -S {tmp_path / 'engine.py'} {tmp_path / 'ml' / 'model'}"


def test_each_request_has_its_answer_or_the_reason(tmp_path: Path, engine: str) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "name").write_text("m")
    ended = start(tmp_path, engine, a=b"one", b=b"400", c=b"503", d=b"two")
    assert ended.returncode == 0, ended.stderr
    answers = {path.name: path.read_bytes() for path in (tmp_path / "answers").iterdir()}
    assert answers == {
        "a.out": b"m:one:text/own",
        "b.err": b"refused",
        "c.err": b"refused",
        "d.out": b"m:two:text/own",
    }
    assert "4 of 4 requests, 2 answered" in ended.stdout


def test_an_engine_that_dies_is_started_again_and_only_what_kills_it_is_refused(
    tmp_path: Path, engine: str
) -> None:
    (tmp_path / "model").mkdir()
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        (tmp_path / "name").write_text("unpacked")
        archive.add(tmp_path / "name", arcname="name")
    (tmp_path / "model" / "model.tar.gz").write_bytes(content.getvalue())
    (tmp_path / "ml" / "model").mkdir(parents=True)  # the image's own, and empty
    good = {f"good{number}": b"fine" for number in range(12)}
    assert start(tmp_path, engine, bad=b"die", also=b"die", **good).returncode == 0
    answers = {path.name: path.read_bytes() for path in (tmp_path / "answers").iterdir()}
    for name in ("bad", "also"):
        assert answers.pop(f"{name}.err").startswith(b"the engine ended")
    assert answers == {f"{name}.out": b"unpacked:fine:text/own" for name in good}


def test_an_engine_that_does_not_start_fails_the_job(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    ended = start(tmp_path, "/bin/false", a=b"one", b=b"two")
    assert ended.returncode == 1
    assert "the engine ended with code 1 before it was ready" in ended.stderr
    assert not list((tmp_path / "answers").iterdir())
