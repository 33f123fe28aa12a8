"""Runs Python in a clean interpreter, as Lambda would start it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def run_clean(code: str, environment: Mapping[str, str], *arguments: str) -> list[dict[str, Any]]:
    """The JSON lines that `code` prints; warnings are errors, as in the tests themselves.

    PYTHONPATH is the checkout alone, and no variable of this process is passed on.
    """
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(ROOT), "PATH": os.defpath, **environment},
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    return [json.loads(line) for line in finished.stdout.splitlines()]


def interrupt(code: str, folder: Path, ready: str, *arguments: str) -> list[str]:
    """Run `code` in a folder, press Ctrl-C at the first line that ends with `ready`, and wait.

    Returns:
        The lines up to that one, without their ends.
    """
    lines = []
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            lines.append(line.rstrip("\n"))
            if lines[-1].endswith(ready):
                break
        running.send_signal(signal.SIGINT)
        running.communicate()
    return lines


def proxy_event(method: str, path: str, body: Any = None) -> dict[str, Any]:
    """The event that a REST API sends for a request with a JSON body."""
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": {"content-type": "application/json"},
        "multiValueHeaders": {"content-type": ["application/json"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "requestContext": {"requestId": "request-1", "stage": "live"},
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }
