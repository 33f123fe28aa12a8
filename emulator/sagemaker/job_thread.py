"""The thread in which an emulated job runs."""

import threading
from collections.abc import Callable


class JobThread:
    """Runs the work of a job in the background; it ends with the process."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    def start(self, work: Callable[[], None]) -> None:
        """Begin the work."""
        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for the end of the work, which has begun."""
        assert self._thread is not None
        self._thread.join()
