"""A JSON body of 60 MB costs at most four times its size, and holds up no ping."""

import asyncio
from collections.abc import Iterator
from time import perf_counter

from benchmarks.reliability.outcome import Figure, Outcome, Plan
from benchmarks.reliability.serving import Served, models, serving

MIB = 1 << 20
SIZE = 60 * MIB
MOST_TIMES, MOST_PING_MS = 4, 250
_NUMBER = b"0.12345678,"
_OK = 200


def long_json(_plan: Plan) -> Iterator[Outcome]:
    """Yield the row of a long body: a tensor as the clients of Triton write it."""
    limits = {"LADING_LONGEST_BODY": str(64 * MIB), "LADING_THREADS": "1"}
    with models() as root, serving(root, **limits) as served:
        served.fetch("/predict/times", b'{"inputs": [[1]]}')
        yield asyncio.run(_send(served))


async def _send(served: Served) -> Outcome:
    count = SIZE // len(_NUMBER)
    data = (_NUMBER * count)[:-1]
    start = b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [%d, 1], "data": [' % count
    body = start + data + b"]}]}"
    before, pings = served.memory_mib(), [0.0]
    sent = asyncio.create_task(asyncio.to_thread(served.fetch, "/v2/models/times/infer", body))
    while not sent.done():
        started = perf_counter()
        await asyncio.to_thread(served.fetch, "/v2/health/live")
        pings.append(1000 * (perf_counter() - started))
        await asyncio.sleep(0.01)
    status, _ = await sent
    grown = served.memory_mib("VmHWM") - before
    ratio, slowest = grown * MIB / len(body), max(pings)
    figures = [
        Figure(f"memory {ratio:.1f} of {MOST_TIMES} times its size", met=ratio <= MOST_TIMES),
        Figure(f"slowest ping {slowest:.0f} of {MOST_PING_MS} ms", met=slowest <= MOST_PING_MS),
    ]
    lost = int(status != _OK)
    return Outcome(f"a JSON tensor of {SIZE // MIB} MiB", 1, len(pings), lost, 0, figures)
