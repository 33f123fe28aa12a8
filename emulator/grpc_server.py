"""The models over gRPC, beside the emulated gateway, which carries none."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lading.emulator.errors import AddressUnavailable, GrpcMissing
from lading.emulator.processes.server import GRACE_SECONDS
from lading.functions.contract.limits import GATEWAY
from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.entry.http_server import Listening, address_of
from lading.functions.inference.entry.processors import processors
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.observability.prometheus import Metrics


@contextmanager
def serving_grpc(
    catalog: Catalog,
    where: Listening,
    *,
    log: Path,
    metrics: Metrics | None = None,
    at_once: int = 0,
) -> Iterator[int]:
    """Answer gRPC while the block runs.

    Args:
        catalog: the models.
        where: to listen; port 0 takes a free one, which is given.
        log: file to which a line for each call is appended.
        metrics: told of each call.
        at_once: predictions at once; 0: one for each processor that may be used.

    Raises:
        GrpcMissing: its library is not installed.
        AddressUnavailable: the port is taken, or the host is not this machine's.
    """
    try:
        from lading.functions.inference.rpc.server import RpcLimits, RpcServing, serving
    except ModuleNotFoundError as error:
        raise GrpcMissing from error
    address = address_of(where.host, where.port)
    log.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        output = stack.enter_context(log.open("a", encoding="utf-8"))
        observability = Observability(ServingSettings(), metrics.note if metrics else None, output)
        try:
            threads = stack.enter_context(ThreadPoolExecutor(at_once or processors()))
            served = RpcServing(
                catalog, observability, RpcLimits(GATEWAY.body_bytes, GRACE_SECONDS)
            )
            bound = stack.enter_context(serving(served, address, threads))
        except OSError as error:
            reason = "it is taken, or not this machine's"
            raise AddressUnavailable(where.host, where.port, reason) from error
        yield bound
