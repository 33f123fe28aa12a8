from pathlib import Path

from lading.model_packaging.converters.registry import find_converter
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import Original
from lading.model_packaging.resolution import source_of


def test_what_a_class_imports_of_its_neighbours_is_part_of_the_source(tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(b"weights")
    (tmp_path / "nets.py").write_text("from layers import Dense\n", encoding="utf-8")
    spec = ModelSpec(
        "m", tmp_path / "net.pt", original=Original(class_path="nets:Net", folder=tmp_path)
    )
    digests = []
    for neighbour, unrelated in (("a = 1", "b = 1"), ("a = 2", "b = 1"), ("a = 2", "b = 2")):
        (tmp_path / "layers.py").write_text(neighbour, encoding="utf-8")
        (tmp_path / "train.py").write_text(unrelated, encoding="utf-8")
        digests.append(source_of(spec, find_converter("m", spec.source, None)).digest)
    assert digests[0] != digests[1] == digests[2]
