import subprocess
import sys

import pytest

pytest.importorskip("skops", reason="skops is not installed")

SHOWN = """
import sys
{before}
from lading.model_packaging.estimators.skops_import import import_skops
io = import_skops()
print(io.__name__, "torch" in sys.modules)
{after}
"""


def told(before: str = "", after: str = "") -> list[str]:
    """What a process says that imports skops so; the tests' own may have torch already."""
    script = SHOWN.format(before=before, after=after)
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    return ended.stdout.split()


def test_skops_is_imported_without_torch() -> None:
    assert told() == ["skops.io", "False"]


def test_torch_can_be_imported_afterwards() -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    assert told(after="import torch; print(torch.ones(2).sum().item())")[2:] == ["2.0"]


def test_what_is_imported_already_stays() -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    kept = told("import torch", "print(sys.modules['torch'] is torch)")
    assert kept == ["skops.io", "True", "True"]
