"""No reader has a fault on what it accepts, what once failed, or a little of what atheris makes."""

import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
KEPT = Path(__file__).with_name("kept")
MUTANTS = 300
"""Inputs of each target; the same ones in every run."""


def mutant(seeds: list[bytes], chance: random.Random) -> bytes:
    """A seed with up to four changes: a byte, a byte more, a few less, or a part of another."""
    found = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 4)):
        place = chance.randint(0, len(found))
        match chance.randint(0, 3):
            case 0:
                found[place : place + 1] = chance.randbytes(1)
            case 1:
                found[place:place] = chance.randbytes(1)
            case 2:
                del found[place : place + chance.randint(1, 5)]
            case _:
                other = chance.choice(seeds)
                start = chance.randint(0, len(other))
                found[place:place] = other[start : start + chance.randint(1, 20)]
    return bytes(found)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_reader_has_no_fault_on_seeds_their_mutants_and_what_was_kept(target: Target) -> None:
    chance = random.Random(target.name)  # noqa: S311 the same inputs in every run
    seeds = list(target.seeds())
    kept = [path.read_bytes() for path in sorted((KEPT / target.name).glob("*"))]
    with target.opened() as attempt:
        for data in (*seeds, *kept, *(mutant(seeds, chance) for _ in range(MUTANTS))):
            attempt(data)


def test_what_is_kept_belongs_to_a_target() -> None:
    folders = {path.parent.name for path in KEPT.glob("*/*")}
    assert folders <= {target.name for target in TARGETS}


def fuzz(tmp_path: Path, *how: str) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("atheris", reason="atheris has no package for this system")
    places = ("--corpus", str(tmp_path / "corpus"), "--kept", str(tmp_path / "kept"))
    command = [sys.executable, *how, *places]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_second_of_each_finds_no_fault(tmp_path: Path) -> None:
    done = fuzz(tmp_path, "-m", "tests.fuzz", "--seconds", "1")
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    clean = re.findall(r"^[a-z-]+ +[1-9][0-9,]* inputs in .* no fault$", done.stdout, re.MULTILINE)
    assert len(clean) == len(TARGETS)


FAULTY = """
import sys
from contextlib import contextmanager
import tests.fuzz.targets as targets
from tests.fuzz.target import Target

@contextmanager
def opened():
    def attempt(data):
        assert not data.startswith(b"ab"), "a fault"
    yield attempt

targets.TARGETS = (Target("faulty", opened, lambda: (b"abc",)),)
from tests.fuzz.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_an_input_that_shows_a_fault_is_kept(tmp_path: Path) -> None:
    done = fuzz(tmp_path, "-c", FAULTY, "--seconds", "2")
    [kept] = (tmp_path / "kept" / "faulty").iterdir()
    assert kept.read_bytes().startswith(b"ab")
    assert done.returncode == 1
    assert f"FAULT, see {kept}" in done.stdout
    assert "a fault" in done.stderr
