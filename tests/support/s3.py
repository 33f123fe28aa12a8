"""An AWS for tests: a server in a process of its own, and the environment that leads to it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.interpreter import ROOT


@contextmanager
def running() -> Iterator[str]:
    """`tests.support.s3_server`; gives its address."""
    command = [sys.executable, "-m", "tests.support.s3_server"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def credentials(url: str) -> dict[str, str]:
    """The environment of somebody whose AWS is at this address, and nowhere else."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def aws(url: str, **variables: str) -> Iterator[None]:
    """This process with `credentials`, and no other variable of AWS's but these."""
    before = dict(os.environ)
    for name in before:
        if name.startswith("AWS_"):
            del os.environ[name]
    os.environ.update(credentials(url), **variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
