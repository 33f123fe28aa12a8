"""A program under SageMaker's container contract that breaks it as its environment says.

Run as `python contrary_engine.py serve`; standard library only, so that it starts at once.
"""

import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HABITS = set(os.environ.get("HABITS", "").split())
STARTED = time.monotonic()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if "never-pings" in HABITS:
            time.sleep(60)
        self.answer(503 if "unhealthy" in HABITS else 200, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        document = json.loads(body) if body[:1] == b"{" else {}
        if "exit" in document:
            os._exit(document["exit"])
        if "fails" in HABITS:
            self.answer(500, b"out of memory")
            return
        time.sleep(document.get("sleep", 0))
        if "stream" in document:
            self.stream(document["stream"], document.get("break"), document.get("pause", 0))
            return
        told = {"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}}
        content = b"x" * document["size"] if "size" in document else json.dumps(told).encode()
        self.answer(document.get("status", 200), content)

    def stream(self, parts: list[str], broken: bool | None, pause: float) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in parts:
            content = part.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
            self.wfile.flush()
            time.sleep(pause)
        if broken:
            os._exit(3)
        self.wfile.write(b"0\r\n\r\n")

    def answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Amzn-SageMaker-Custom-Attributes", "from=container")
        self.send_header("X-Own", "stripped")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        pass


def main() -> None:
    assert sys.argv[1:] == ["serve"]
    if "exits" in HABITS:
        sys.exit("no model here")
    if "stays" in HABITS:
        signal.signal(signal.SIGTERM, lambda *_: None)
    port = int(os.environ["SAGEMAKER_BIND_TO_PORT"])
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main()
