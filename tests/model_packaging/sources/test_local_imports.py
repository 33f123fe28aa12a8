from pathlib import Path

import pytest

from lading.model_packaging.sources.local_imports import local_imports


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("files", "module", "found"),
    [
        ({"net.py": "import math, torch\n"}, "net", []),
        ({"net.py": "import layers\n", "layers.py": ""}, "net", ["layers"]),
        ({"net.py": "from layers import Dense\n", "layers.py": ""}, "net", ["layers"]),
        ({"net.py": "def f():\n    import late\n", "late.py": ""}, "net", ["late"]),
        ({"net.py": "import a\n", "a.py": "import b\n", "b.py": "import a, net\n"}, "net", "ab"),
        (
            {"net.py": "import parts.dense\n", "parts/__init__.py": "", "parts/dense.py": ""},
            "net",
            ["parts", "parts.dense"],
        ),
        ({"net.py": "from parts import dense\n", "parts/dense.py": ""}, "net", ["parts.dense"]),
        (
            {"nets/net.py": "from . import dense\nfrom .more import X\n"}
            | {"nets/dense.py": "", "nets/more.py": "", "dense.py": "", "more.py": ""},
            "nets.net",
            ["nets.dense", "nets.more"],
        ),
        (
            {"a/b/net.py": "from ..far import Y\nfrom .. import near\n"}
            | {"a/far.py": "", "a/near.py": "", "a/__init__.py": "from .own import Z\n"}
            | {"a/own.py": ""},
            "a.b.net",
            ["a", "a.far", "a.near", "a.own"],
        ),
        ({"net.py": "def f(:\n"}, "net", []),
        ({"net.py": "import broken\n", "broken.py": "\0"}, "net", ["broken"]),
    ],
)
def test_files_beside_a_module_are_found_by_its_imports(
    tmp_path: Path, files: dict[str, str], module: str, found: list[str]
) -> None:
    write(tmp_path, files)
    assert list(local_imports(tmp_path, module)) == list(found)


def test_names_lead_to_the_files(tmp_path: Path) -> None:
    write(tmp_path, {"net.py": "import parts\n", "parts.py": "", "parts/__init__.py": ""})
    assert local_imports(tmp_path, "net") == {"parts": tmp_path / "parts" / "__init__.py"}
