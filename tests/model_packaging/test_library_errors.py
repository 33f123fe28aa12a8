import pytest

from lading.model_packaging.library_errors import LibraryFailed, first_line, library_errors


class OddError(Exception):
    """An error of a library, which shares no base class with others."""


def test_any_error_becomes_one_with_its_first_line_and_its_cause() -> None:
    with pytest.raises(LibraryFailed, match=r"\Abad shape\Z") as caught, library_errors():
        raise OddError("bad shape\nat line 3")
    assert isinstance(caught.value.__cause__, OddError)


def test_an_error_without_a_text_is_named_by_its_type() -> None:
    assert first_line(OddError("\n")) == "OddError"
    assert first_line(OddError("  two\nlines")) == "two"


def test_an_interrupt_passes() -> None:
    with pytest.raises(KeyboardInterrupt), library_errors():
        raise KeyboardInterrupt
