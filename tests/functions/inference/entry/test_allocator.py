"""The process's memory: what is freed goes back to the system, or stays for the next request."""

import platform
import sys

import pytest

from tests.support.interpreter import run_clean

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="needs glibc"
)

MEBIBYTES = """
import json
from pathlib import Path
from lading.functions.inference.entry import allocator

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / (1 << 20)

start = resident()
"""
LOADED = """
blocks = [b"1" * (64 * 1024 + at % 2) for at in range(640)]
last = blocks.pop()  # while it is there, glibc gives back none of the others by itself
del blocks
held = resident() - start
allocator.give_back()
print(json.dumps({"held": held, "left": resident() - start}))
"""
ASKED = """
allocator.keep()
body = bytearray(b"1") * (6 << 20)
del body
print(json.dumps({"kept": resident() - start}))
"""


def test_what_loading_has_freed_goes_back_to_the_system() -> None:
    (found,) = run_clean(MEBIBYTES + LOADED, {"MALLOC_ARENA_MAX": "1"})
    assert found["held"] > 35
    assert found["left"] < 5


def test_what_a_request_has_freed_stays_for_the_next() -> None:
    (found,) = run_clean(MEBIBYTES + ASKED, {"MALLOC_ARENA_MAX": "1"})
    assert found["kept"] > 5
