"""Captures a share of the requests that were answered; a failure never fails a request.

On Lambda the answer waits for the write, since the process may be frozen after it: about the time
of one call of S3, for the share alone. In a server a thread writes, from a queue that is bounded in
requests and bytes; what finds no room is lost, and counted as such. So is what is in the queue when
the process is killed. After a failed write the next ones are not tried for half a minute, so that
an outage of S3 does not slow every answer.
"""

from collections.abc import Mapping
from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Lock, Thread
from time import perf_counter
from typing import Final

from lading.functions.contract.capture import CaptureSettings
from lading.functions.contract.captured import REQUESTS, object_key, to_line
from lading.functions.contract.errors import CaptureUnreachable
from lading.functions.contract.names import CAPTURE, METRICS
from lading.functions.inference.capture.places import LONGEST_OBJECT, CapturePlace, place_of
from lading.functions.inference.capture.records import has_field, record_of, size_of
from lading.functions.inference.drift.held import held_bytes
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.observability.counted import counted_line
from lading.functions.inference.tensors.conversion import Array

MOST_WAITING: Final = 1000
MOST_BYTES: Final = 32 << 20
"""Requests that wait to be written, and the bytes that they keep in memory."""
PAUSE_S: Final = 30.0
"""How long nothing is tried after a failure."""
PERIOD_S: Final = 60.0
"""Seconds between two lines with the counts."""
_LEAVE_S: Final = 5.0
"""How long a server that stops waits for what is not written yet."""
_TOO_MANY: Final = "too many requests wait to be written"
_TOO_LARGE: Final = "the request is too large"

Answered = tuple[Prediction, Mapping[str, Array]]
"""A prediction that was made, and what the model answered."""
_Waiting = tuple[str, Answered, int]


class Capturing:
    """What captures in one process.

    Args:
        settings: what, and where.
        stage: the deployment's stage, which the lines name; empty for none.
        place: where; by default that of the settings.
    """

    def __init__(
        self, settings: CaptureSettings, stage: str = "", place: CapturePlace | None = None
    ) -> None:
        self._settings, self._stage = settings, stage
        self.waits = settings.waits
        self._place = place or place_of(settings)
        self._again_at = 0.0
        self._reason = ""
        self._turn = Lock()
        self._counts: dict[str, tuple[int, int]] = {}
        self._unknown: dict[tuple[str, int], tuple[str, ...]] = {}
        """Model and version -> allowed fields that its signature does not have."""
        self._shown: dict[str, tuple[int, int]] = {}
        self._due = perf_counter() + PERIOD_S
        self._queue: Queue[_Waiting | None] = Queue(MOST_WAITING)
        self._queued_bytes = 0
        self._thread: Thread | None = None

    def offer(self, request_id: str, answered: Answered) -> None:
        """Capture a request that was answered, which has been drawn."""
        if self.waits:
            self._write(request_id, answered)
        else:
            self._enqueue(request_id, answered)

    def totals(self) -> dict[str, tuple[int, int]]:
        """Return, by model, how many requests were captured, and how many were lost."""
        with self._turn:
            return dict(self._counts)

    def lines(self, now: float) -> list[str]:
        """Return the lines with counts that are due, one for each model; usually none."""
        return [] if now < self._due else self._take_lines()

    def end(self) -> list[str]:
        """Write what waits, for some seconds, and return the last lines."""
        if self._thread is not None:
            with suppress(Full):
                self._queue.put(None, timeout=_LEAVE_S)
            self._thread.join(_LEAVE_S)
            self._drop_waiting()
        return self._take_lines()

    def _enqueue(self, request_id: str, answered: Answered) -> None:
        if self._thread is None:  # not at start: a thread does not survive a fork
            self._thread = Thread(target=self._run, name="capture", daemon=True)
            self._thread.start()
        size = held_bytes(answered[0].inputs, answered[1])
        if not self._reserve(size):
            self._lose(answered, _TOO_MANY)
            return
        try:
            self._queue.put_nowait((request_id, answered, size))
        except Full:
            self._release(size)
            self._lose(answered, _TOO_MANY)

    def _reserve(self, size: int) -> bool:
        """Take bytes for a request that waits; return False if there are not enough."""
        with self._turn:
            fits = self._queued_bytes + size <= MOST_BYTES
            self._queued_bytes += size if fits else 0
        return fits

    def _run(self) -> None:
        while (waiting := self._queue.get()) is not None:
            request_id, answered, size = waiting
            self._write(request_id, answered)
            self._release(size)

    def _release(self, size: int) -> None:
        with self._turn:
            self._queued_bytes -= size

    def _drop_waiting(self) -> None:
        """Count what is left in the queue as lost."""
        with suppress(Empty):
            while True:
                if (waiting := self._queue.get_nowait()) is not None:
                    self._lose(waiting[1], "the server stopped before it was written")

    def _write(self, request_id: str, answered: Answered) -> None:
        if perf_counter() < self._again_at:
            self._lose(answered, self._reason)
            return
        try:
            reason = self._put(request_id, answered)
        except CaptureUnreachable as error:
            self._again_at = perf_counter() + PAUSE_S
            reason = error.reason
        if reason:
            self._lose(answered, reason)
        else:
            self._count(answered, captured=1)

    def _put(self, request_id: str, answered: Answered) -> str:
        """Write a request, and return why it is not captured; empty if it is."""
        made, outputs = answered
        fields = self._settings.fields
        if size_of(made.inputs, fields) + size_of(outputs, fields) > 2 * LONGEST_OBJECT:
            return _TOO_LARGE  # a number takes no less than half of its bytes in JSON
        self._check_fields(made.predictor.metadata)
        line = to_line(record_of(request_id, made, outputs, fields))
        if len(line) > LONGEST_OBJECT:
            return _TOO_LARGE
        key = object_key(REQUESTS, made.predictor.metadata.name, request_id)
        return "" if self._place.put(key, line) else "another request had the same id"

    def _check_fields(self, metadata: ModelMetadata) -> None:
        """Note the allowed fields that a version does not have: they may be misspelled."""
        version = metadata.name, metadata.version
        if version not in self._unknown:
            fields = self._settings.fields
            self._unknown[version] = tuple(it for it in fields if not has_field(metadata, it))

    def _lose(self, answered: Answered, reason: str) -> None:
        self._reason = reason
        self._count(answered, captured=0)

    def _count(self, answered: Answered, *, captured: int) -> None:
        model = answered[0].predictor.metadata.name
        with self._turn:
            before = self._counts.get(model, (0, 0))
            self._counts[model] = before[0] + captured, before[1] + 1 - captured

    def _take_lines(self) -> list[str]:
        self._due = perf_counter() + PERIOD_S
        with self._turn:
            now, before, self._shown = dict(self._counts), self._shown, dict(self._counts)
        changes = {
            model: (captured - before.get(model, (0, 0))[0], lost - before.get(model, (0, 0))[1])
            for model, (captured, lost) in now.items()
        }
        return [self._line(model, *change) for model, change in changes.items() if any(change)]

    def _line(self, model: str, captured: int, lost: int) -> str:
        unknown = sorted(
            {it for version, its in self._unknown.items() if version[0] == model for it in its}
        )
        about = {
            "level": "WARNING" if lost or unknown else "INFO",
            "message": "capture",
            "service": METRICS.service,
            **({"reason": self._reason} if lost else {}),
            **({"unknown_fields": unknown} if unknown else {}),
        }
        counts = {CAPTURE.captured: captured, CAPTURE.lost: lost}
        return counted_line(about, _dimensions(model, self._stage), counts)


def _dimensions(model: str, stage: str) -> dict[str, str]:
    return {"model": model, **({METRICS.stage: stage} if stage else {})}
