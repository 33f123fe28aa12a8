"""See `model_packaging/converters/framework_errors.py`."""

from typing import Any, NoReturn

import numpy as np
import pytest

from lading.model_packaging.converters.framework_errors import (
    first_line,
    framework_errors,
    one_line,
    refusing,
)
from lading.model_packaging.errors import ConversionError

PRINTED = "\n\x1b[31m[12:30:01] /workspace/src/tree.cc:12: Check failed: rows\n\x1b[0m  at main\n"


def test_an_error_of_a_framework_becomes_the_one_that_names_it() -> None:
    def translated(error: Exception) -> ConversionError:
        return ConversionError("m", f"failed: {first_line(error)}")

    with (
        pytest.raises(ConversionError, match="model 'm' failed: no such node") as caught,
        framework_errors(translated),
    ):
        raise ZeroDivisionError("no such node")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_an_error_of_lading_passes_unchanged() -> None:
    refused = ConversionError("m", "has no ONNX form")
    with pytest.raises(ConversionError) as caught, framework_errors(lambda _: RuntimeError()):
        raise refused
    assert caught.value is refused


def test_texts_lose_colors_line_ends_and_places_in_native_code() -> None:
    error = ValueError(PRINTED)
    assert first_line(error) == "Check failed: rows"
    assert one_line(error) == "[12:30:01] /workspace/src/tree.cc:12: Check failed: rows at main"


def test_an_error_without_a_sentence_is_named_by_its_type() -> None:
    assert first_line(KeyError()) == "KeyError"
    assert first_line(KeyError("x")) == "KeyError 'x'"


def test_an_original_refuses_requests_with_a_value_error_only() -> None:
    def original(_inputs: dict[str, Any]) -> NoReturn:
        raise SystemError("bad shape\nstack trace")

    with pytest.raises(ValueError, match=r"^bad shape$"):
        refusing(original)({"x": np.zeros(1)})
