"""Connections leave descriptors for models, logs and S3."""

import subprocess
import sys

import pytest

from tests.support.interpreter import ROOT

SCRIPT = """
import resource, sys
from lading.functions.inference.callers.descriptors import connections_within
soft, hard, most, spare = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
print(connections_within(most, spare), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("limits", "most", "soft"),
    [((64, 64), 36, 64), ((64, 400), 200, 228), ((64, 150), 122, 150), ((1000, 1000), 200, 1000)],
    ids=["all there are", "raised as far as needed", "raised to the hard limit", "enough"],
)
def test_connections_are_as_many_as_leave_the_spare_ones(
    limits: tuple[int, int], most: int, soft: int
) -> None:
    command = [sys.executable, "-c", SCRIPT, *map(str, limits), "200", "24"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    connections, now, _ = map(int, found.split())
    assert most - 2 <= connections <= most  # some descriptors are open already
    assert soft - 2 <= now <= soft + 2
