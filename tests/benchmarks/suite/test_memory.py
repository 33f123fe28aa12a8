"""The mappings of a process, and the words about the largest."""

import os
import sys
from collections import Counter

import pytest

from benchmarks.suite.memory import largest, mappings, words


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_is_counted_by_file() -> None:
    found = mappings(os.getpid())
    assert found["memory without a file"] + found["[heap]"] > 1000
    assert any(".so" in name for name in found)
    assert " MiB" in largest([os.getpid()])


def test_the_largest_mappings_come_first() -> None:
    assert words(Counter({"small": 1024, "large": 2048})) == "large 2.0 MiB, small 1.0 MiB"
