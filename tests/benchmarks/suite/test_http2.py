"""Callers of gRPC, against grpcio's own server."""

import sys
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("uvloop")
pytest.importorskip("grpc")

from benchmarks.suite.http2 import load_rpc
from benchmarks.suite.processes import SERVERS, Server, serving


@pytest.mark.parametrize("size", [10, 300_000], ids=str)
def test_calls_are_answered_whatever_their_length(tmp_path: Path, size: int) -> None:
    (tmp_path / "answer").write_bytes(b"a" * 20)
    command = (sys.executable, str(SERVERS / "constant_grpc.py"), "{grpc}", f"{tmp_path}/answer")
    with serving(Server("constant-grpc", command, {}, ""), None) as running:
        call = partial(load_rpc, running.grpc, "/any.Service/Method", b"r" * size)
        load = partial(call, at_once=4, seconds=0.5, streaming=False)
        assert len(load(20).times) > 4
        with pytest.raises(RuntimeError, match="after 25 bytes"):
            load(21)
        with pytest.raises(RuntimeError, match="more than 24 bytes"):
            load(19)
