"""The file of power and electricity: dated, sourced, and refused when it is wrong."""

from pathlib import Path

import pytest

from lading.model_packaging.energy.published import ENERGY, EnergyUnusable, read_published


def test_every_figure_names_its_source() -> None:
    found = read_published()
    powers = [*found.processors.values(), *found.gpus.values()]
    sources = [found.pue.source, *(power.source for power in powers)]
    assert all([*sources, *(grid.source for grid in found.regions.values())])


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("busy: 3.5", "busy: lots", "processors.x86_64.busy"),
        ("busy: 3.5", "busy: -1", "processors.x86_64.busy"),
        ("value: 1.14", "value: 0.5", "pue.value"),
        ("  arm64:", "  arm32:", "processors"),
        ("  g5: A10G", "  g5: A11G", "families.g5: there is no GPU 'A11G'"),
        ("grams: 245", "grams: .nan", "regions.us-east-1.grams"),
        ("pue:", "puh:", "pue"),
    ],
)
def test_a_wrong_file_is_refused_with_the_key(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    text = ENERGY.read_text()
    assert old in text
    path = tmp_path / "ours.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(EnergyUnusable) as refusal:
        read_published(path)
    assert reason in str(refusal.value)
    assert str(path) in str(refusal.value)


def test_a_lost_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EnergyUnusable, match=r"none\.yaml"):
        read_published(tmp_path / "none.yaml")
