"""The gRPC server beside the emulated gateway, which does not support gRPC."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lading.emulator.errors import AddressUnavailable, ServerLibraryMissing
from lading.emulator.processes.server import GRACE_SECONDS
from lading.functions.contract.limits import GATEWAY
from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.entry.http_server import Listening, address_of
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
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
    """Serve gRPC while the block runs, and yield the port.

    Args:
        catalog: the models.
        where: the address; port 0 chooses a free one.
        log: file to which a line for each call is appended.
        metrics: counts each call.
        at_once: concurrent predictions; 0 means one for each usable processor.

    Raises:
        ServerLibraryMissing: grpcio is not installed.
        AddressUnavailable: the address cannot be used.
    """
    try:
        from lading.functions.inference.rpc.server import RpcLimits, RpcServing, serving
    except ModuleNotFoundError as error:
        raise ServerLibraryMissing("gRPC", "grpcio") from error
    address = address_of(where.host, where.port)
    log.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        output = stack.enter_context(log.open("a", encoding="utf-8"))
        observability = Observability(ServingSettings(), metrics.note if metrics else None, output)
        try:
            lanes = stack.enter_context(Lanes(LaneLimits(threads=at_once)))
            served = RpcServing(
                catalog, observability, RpcLimits(GATEWAY.body_bytes, GRACE_SECONDS)
            )
            bound = stack.enter_context(serving(served, address, lanes))
        except OSError as error:
            reason = "the port is in use, or this machine does not have the address"
            raise AddressUnavailable(where.host, where.port, reason) from error
        yield bound
