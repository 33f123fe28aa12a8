"""The same numbers under the names that dashboards of other servers expect, if that is wanted.

They are made at each scrape from what has been counted, so a request costs nothing more. What these
servers measure differently is as near as ours comes: a request is one inference.

Sources: `docs/user_guide/metrics.md` of triton-inference-server/server (`nv_inference_*`),
`servables/tensorflow/util.cc` of tensorflow/serving (`:tensorflow:serving:*`), and
`ts/configs/metrics.yaml` of pytorch/serve (`ts_*`), all at https://github.com.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from socket import gethostname
from types import MappingProxyType
from typing import Final

from lading.functions.contract import watched
from lading.functions.contract.watched import SECONDS, TIMES, Figure, Kind
from lading.functions.inference.observability.families import LabelValues, Snapshot

_MICRO: Final = 1e6
_ERROR: Final = 400
_NONE: Final = "none"

Sums = dict[LabelValues, float]
Made = tuple[Figure, dict[LabelValues, list[float]]]
"""A family of another server, and the numbers of each of its series."""

_STATUSES: Final = MappingProxyType(
    {
        400: "INVALID_ARGUMENT",
        404: "NOT_FOUND",
        429: "RESOURCE_EXHAUSTED",
        499: "CANCELLED",
        503: "UNAVAILABLE",
        504: "DEADLINE_EXCEEDED",
    }
)
"""HTTP's status -> TensorFlow's code; another error is `INTERNAL`."""


def under_other_names(servers: Sequence[str], snapshot: Snapshot) -> tuple[list[Figure], Snapshot]:
    """Return the families of these servers, and their numbers.

    Args:
        servers: keys of `SERVERS`.
        snapshot: what has been counted under our names.
    """
    made = [family for server in servers for family in SERVERS[server](snapshot)]
    numbers: Snapshot = {
        figure.name: [(labels, 0.0, found, []) for labels, found in series.items()]
        for figure, series in made
    }
    return [figure for figure, _ in made], numbers


def _triton(snapshot: Snapshot) -> Iterator[Made]:
    labels = ("model", "version")
    parts = {
        "request": "total",
        "queue": "queue",
        "compute_input": "decode",
        "compute_infer": "compute",
        "compute_output": "encode",
    }
    success = _summed(snapshot, TIMES["compute"], 2, lambda numbers: sum(numbers[:-1]))
    yield _plain("nv_inference_request_success", "Successful inferences.", labels, success)
    failures: Sums = defaultdict(float)
    for key, _, numbers, _ in snapshot.get(watched.REQUESTS.name, ()):
        model, version, _, status = key
        if int(status) >= _ERROR and version != _NONE:
            failures[model, version, "OTHER"] += numbers[0]
    more = (*labels, "reason")
    yield _plain("nv_inference_request_failure", "Failed inferences.", more, failures)
    for name, span in parts.items():
        seconds = _summed(snapshot, TIMES[span], 2, lambda numbers: numbers[-1])
        known = {key: seconds.get(key, 0.0) * _MICRO for key in success}
        text = f"Microseconds, together: {name}."
        yield _plain(f"nv_inference_{name}_duration_us", text, labels, known)
    waiting = _summed(snapshot, watched.QUEUE_REQUESTS, 1, lambda numbers: numbers[0])
    pending = Figure(
        "nv_inference_pending_request_count", "Requests that wait.", ("model",), Kind.GAUGE
    )
    yield pending, {key: [value] for key, value in waiting.items()}


def _tensorflow_serving(snapshot: Snapshot) -> Iterator[Made]:
    counts: Sums = defaultdict(float)
    for key, _, numbers, _ in snapshot.get(watched.REQUESTS.name, ()):
        status = int(key[3])
        code = "OK" if status < _ERROR else _STATUSES.get(status, "INTERNAL")
        counts[key[0], code] += numbers[0]
    labels = ("model_name", "status")
    yield _plain(":tensorflow:serving:request_count", "Requests.", labels, counts)
    for name, span, last in (("request", "total", "entrypoint"), ("runtime", "compute", "runtime")):
        series: dict[LabelValues, list[float]] = {}
        for key, _, numbers, _ in snapshot.get(TIMES[span].name, ()):
            entry = "GRPC" if "grpc" in key[2] else "REST"
            at = (key[0], "Predict", entry if last == "entrypoint" else "onnxruntime")
            before = series.get(at, [0.0] * len(numbers))
            found = [*numbers[:-1], numbers[-1] * _MICRO]
            series[at] = [first + second for first, second in zip(before, found, strict=True)]
        bounds = tuple(round(bound * _MICRO, 6) for bound in SECONDS)
        yield (
            Figure(
                f":tensorflow:serving:{name}_latency",
                f"Microseconds of a request: {span}.",
                ("model_name", "API", last),
                Kind.HISTOGRAM,
                bounds,
            ),
            series,
        )


def _torchserve(snapshot: Snapshot) -> Iterator[Made]:
    labels, host = ("model_name", "model_version", "hostname"), gethostname()

    def of_host(sums: Mapping[LabelValues, float], scale: float = 1.0) -> Sums:
        return {(*key, host): value * scale for key, value in sums.items()}

    asked = _summed(snapshot, TIMES["compute"], 2, lambda numbers: sum(numbers[:-1]))
    requests = Figure("ts_inference_requests", "Inferences.", labels)
    yield requests, {key: [value] for key, value in of_host(asked).items()}
    for name, span in (("inference", "total"), ("queue", "queue")):
        seconds = _summed(snapshot, TIMES[span], 2, lambda numbers: numbers[-1])
        known = {key: seconds.get(key, 0.0) for key in asked}
        text = f"Microseconds, together: {name}."
        yield _plain(f"ts_{name}_latency_microseconds", text, labels, of_host(known, _MICRO))


SERVERS: Final[Mapping[str, Callable[[Snapshot], Iterator[Made]]]] = MappingProxyType(
    {"triton": _triton, "tensorflow-serving": _tensorflow_serving, "torchserve": _torchserve}
)
"""Server -> its families, made from ours."""


def _summed(
    snapshot: Snapshot, figure: Figure, labels: int, value: Callable[[list[float]], float]
) -> Sums:
    """Return a value of each series, summed over all labels but the first ones."""
    sums: Sums = defaultdict(float)
    for key, _, numbers, _ in snapshot.get(figure.name, ()):
        sums[key[:labels]] += value(numbers)
    return dict(sums)


def _plain(
    name: str, text: str, labels: tuple[str, ...], sums: Mapping[LabelValues, float]
) -> Made:
    """Return a family of single numbers, whose name does not end in `_total`."""
    return Figure(name, text, labels, Kind.UNKNOWN), {key: [it] for key, it in sums.items()}
