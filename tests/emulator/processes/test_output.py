import io
import sys
from pathlib import Path

from lading.emulator.processes.output import FunctionThread, function_output


def run_in_function_thread(text: str) -> None:
    def write() -> None:
        sys.stdout.write(text)
        sys.stderr.write(text.upper())

    thread = FunctionThread(target=write)
    thread.start()
    thread.join()


def test_output_of_the_functions_thread_goes_to_the_log_and_no_other() -> None:
    log, before = io.StringIO(), sys.stdout
    with function_output(log):
        run_in_function_thread("inside ")
        sys.stdout.write("outside")
        sys.stdout.flush()
    assert log.getvalue() == "inside INSIDE "
    assert sys.stdout is before


def test_stream_that_was_taken_from_the_log_still_tells_threads_apart(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log, function_output(log):
        assert sys.stdout.isatty() in {True, False}
        taken = sys.stdout
        thread = FunctionThread(target=lambda: taken.write("kept"))
        thread.start()
        thread.join()
        log.flush()
        assert (tmp_path / "log").read_text() == "kept"
