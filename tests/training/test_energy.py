"""The energy in the record of a training."""

from pathlib import Path
from typing import Any

import pytest

from lading.model_packaging.documents import readable
from lading.model_packaging.energy.estimate import Estimator
from lading.model_packaging.energy.published import read_published
from lading.training.energy import add_energy
from lading.training.runs import RECORD, Run

PUBLISHED = read_published()
MADE = {
    "seconds": 100.0,
    "processor_seconds": 250.0,
    "machine": {"architecture": "x86_64", "gpus": []},
}


def run(folder: Path, **changes: Any) -> Run:
    (folder / RECORD).write_bytes(readable({**MADE, **changes}))
    return Run(folder)


def test_the_record_gets_ranges_and_their_region(tmp_path: Path) -> None:
    found = add_energy(run(tmp_path), Estimator(PUBLISHED, "eu-west-1")).record()["energy"]
    assert found == {"joules": [700.0, 1400.0], "grams_co2e": [0.06, 0.12], "region": "eu-west-1"}


def test_without_a_region_there_are_no_grams(tmp_path: Path) -> None:
    found = add_energy(run(tmp_path), Estimator(PUBLISHED, "")).record()["energy"]
    assert (found["grams_co2e"], found["region"]) == (None, None)


def test_energy_that_is_there_stays(tmp_path: Path) -> None:
    first = add_energy(run(tmp_path), Estimator(PUBLISHED, "eu-west-1")).record()
    assert add_energy(Run(tmp_path), Estimator(PUBLISHED, "")).record() == first


@pytest.mark.parametrize(
    "changes",
    [{"machine": {"architecture": "x86_64", "gpus": ["Unknown 9"]}}, {"processor_seconds": None}],
    ids=["unknown GPU", "not measured"],
)
def test_what_is_not_known_is_left_out(tmp_path: Path, changes: dict[str, Any]) -> None:
    made = add_energy(run(tmp_path, **changes), Estimator(PUBLISHED, "eu-west-1")).record()
    assert "energy" not in made
