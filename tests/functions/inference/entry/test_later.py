"""See `functions/inference/entry/later.py`."""

import pytest

from tests.support.interpreter import run_clean

START = """
import json, sys
from lading.functions.inference.entry.later import import_later
"""
CODE = f"""{START}
import_later("wave")
import wave
before = "wave" in sys.modules and "Error" not in vars(wave)
%s
from importlib import import_module
real = import_module("wave")
same = wave.Error is real.Error and real is sys.modules["wave"]
print(json.dumps({{"before": before, "same": same, "more": hasattr(wave, "no")}}))
"""


@pytest.mark.parametrize("use", ["wave.Error", "from wave import Error"])
def test_a_module_is_imported_when_something_of_it_is_used(use: str) -> None:
    assert run_clean(CODE % use, {}) == [{"before": True, "same": True, "more": False}]


def test_a_module_below_it_can_be_imported_first() -> None:
    code = f"""{START}
import_later("email")
import email
import email.message
print(json.dumps({{"same": email.message is sys.modules["email.message"]}}))
"""
    assert run_clean(code, {}) == [{"same": True}]


def test_a_module_that_is_imported_stays_as_it_is() -> None:
    code = f"""import wave{START}
import_later("wave")
print(json.dumps({{"same": sys.modules["wave"] is wave and "Error" in vars(wave)}}))
"""
    assert run_clean(code, {}) == [{"same": True}]
