"""A gRPC server that gives one answer to every call from threads: what Python's grpcio allows."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc

ANSWER = Path(sys.argv[2]).read_bytes()


class Constant(grpc.GenericRpcHandler):
    """Every method, from one request to one answer."""

    def service(self, handler_call_details: Any) -> Any:  # noqa: ARG002 grpc's signature
        """Return the handler of a call."""
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: ANSWER)


server = grpc.server(ThreadPoolExecutor(2), handlers=[Constant()])
server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
server.start()
server.wait_for_termination()
