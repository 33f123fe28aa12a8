from pathlib import Path

from lading.emulator.errors import ContainerNotReady, EmulatorError, ServerLibraryMissing


def test_an_error_names_its_log() -> None:
    assert str(EmulatorError("it ended", Path("a.log"))) == "it ended; see a.log"
    error = ContainerNotReady("e", "ended before it was ready", Path("e.log"))
    assert str(error) == "the container of endpoint 'e' ended before it was ready; see e.log"


def test_a_missing_library_says_how_to_install_it() -> None:
    text = str(ServerLibraryMissing("gRPC", "grpcio"))
    assert text.startswith(
        "gRPC needs grpcio, which is not installed; install it with `make server`"
    )
