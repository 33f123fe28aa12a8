"""The guide for contributors is true: each of its examples works when it is written as it says."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save_model

from tests.support.interpreter import ROOT
from tests.support.rooms import ROOMS

pytestmark = pytest.mark.slow

GUIDE = (ROOT / "CONTRIBUTING.md").read_text()
PAGES = {page.partition("\n")[0]: page for page in re.split(r"^## ", GUIDE, flags=re.MULTILINE)[1:]}
BLOCK = re.compile(r"```(\w+)\n# (\S+)\n(.*?)```", re.DOTALL)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of the code, to change."""
    for room in ("lading", *ROOMS):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / room, tmp_path / room, symlinks=True, ignore=ignored)
    return tmp_path


def follow(page: str, clone: Path) -> None:
    """Write every file of a page, and change every file that it changes."""
    blocks = BLOCK.findall(PAGES[page])
    assert blocks
    for language, file, text in blocks:
        path = clone / file
        if language == "diff":
            for hunk in text.split("@@\n"):
                path.write_text(changed(path.read_text(), hunk))
        else:
            assert not path.exists()
            path.write_text(text)


def changed(text: str, hunk: str) -> str:
    """`text` with the lines of a hunk: below its line of context, or instead of the beginning."""
    lines = hunk.splitlines()
    [anchor] = [line for line in lines if not line.startswith("+")]
    new = "\n".join(line[1:] for line in lines if line.startswith("+"))
    [found] = re.findall(rf"^{re.escape(anchor[1:])}.*$", text, re.MULTILINE)
    if anchor.startswith("-"):
        return text.replace(found, new + found.removeprefix(anchor[1:]))
    return text.replace(f"{found}\n", f"{found}\n{new}\n")


def lading(clone: Path, *words: str) -> Any:
    """What the command of the copy writes, as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "lading.cli.main", *words, "--json"],
        cwd=clone,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(clone), "HOME": str(clone)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def manifest(clone: Path, **keys: Any) -> None:
    """A manifest of one model."""
    (clone / "models.yaml").write_text(json.dumps({"models": {"toy": keys}}))


def save_onnx(path: Path, **notes: str) -> None:
    """An ONNX file with notes, of a model that doubles a number."""
    shape: list[str | int | None] = ["rows", 1]
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "two"], ["y"])],
        "double",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.array(2, np.float32), "two")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, notes)
    save_model(model, path)


def published(clone: Path, version: int = 1) -> Path:
    """The files of a version that was published."""
    return clone / f"artifacts/models/toy/{version}"


def test_a_framework_is_a_converter_and_a_line(clone: Path) -> None:
    follow("Add a framework", clone)
    (clone / "toy.linear").write_text(json.dumps({"weights": [0.5, 2.0], "bias": 1.0}))
    (clone / "input.json").write_text(json.dumps({"inputs": {"x": [[2.0, 3.0]]}}))
    manifest(clone, source="toy.linear")
    lading(clone, "package")
    assert lading(clone, "predict", "toy", "--input", "input.json")["outputs"] == {"y": [[8.0]]}


def test_an_optimizer_is_a_record_and_a_line(clone: Path) -> None:
    save_onnx(clone / "toy.onnx", author="somebody", note="a secret")
    manifest(clone, source="toy.onnx")
    lading(clone, "package")
    follow("Add an optimizer", clone)
    lading(clone, "package")
    assert b"a secret" in (published(clone) / "model.onnx").read_bytes()
    assert b"a secret" not in (published(clone, 2) / "model.onnx").read_bytes()
    assert '"notes": 2' in (published(clone, 2) / "report.json").read_text()


def test_an_optimizer_that_users_turn_on_is_one_more_line(clone: Path) -> None:
    follow("Add an optimizer", clone)
    module = clone / "model_packaging/optimizers/strip.py"
    module.write_text(module.read_text().replace("=is_onnx", "=lambda spec: spec.strip"))
    entries = clone / "model_packaging/manifest/entries.py"
    prune = "    prune: PruneSpec | None = None\n"
    entries.write_text(
        entries.read_text().replace(prune, f"    strip: StrictBool = False\n{prune}")
    )
    save_onnx(clone / "toy.onnx", note="a secret")
    for version, strip in ((1, False), (2, True)):
        manifest(clone, source="toy.onnx", strip=strip)
        lading(clone, "package")
        kept = b"a secret" in (published(clone, version) / "model.onnx").read_bytes()
        assert kept == (not strip)


def test_a_metric_is_a_function_and_a_word(clone: Path) -> None:
    follow("Add a metric", clone)
    save_onnx(clone / "toy.onnx")
    rows = np.arange(1, 400, dtype=np.float32).reshape(-1, 1)
    np.savez(clone / "rows.npz", x=rows, y=2 * rows)
    gate = {"data": "rows.npz", "metric": "msle", "max_drop": 0.1}
    manifest(clone, source="toy.onnx", accuracy=gate)
    lading(clone, "package")
    assert "msle" in (published(clone) / "artifact.json").read_text()


def test_an_engine_is_a_module_and_a_word(clone: Path) -> None:
    follow("Add an engine", clone)
    save_onnx(clone / "toy.onnx")
    engine = {"name": "folder", "image": "registry.example/folder:1", "options": {"threads": 3}}
    manifest(clone, source="toy.onnx", target="sagemaker", engine=engine)
    lading(clone, "package")
    assert (published(clone) / "engine/toy.onnx").is_file()
    described = json.loads((published(clone) / "artifact.json").read_text())
    assert described["engine"]["environment"]["THREADS"] == "3"


def test_an_instance_type_is_a_line_of_prices(clone: Path) -> None:
    follow("Add a target", clone)
    save_onnx(clone / "toy.onnx")
    manifest(clone, source="toy.onnx")
    lading(clone, "package")
    assert "ml.example.xlarge" in json.dumps(lading(clone, "plan"))


def test_the_places_of_a_target_exist() -> None:
    rows = re.findall(r"^\|[^|]+\| (.+) \|$", PAGES["Add a target"], re.MULTILINE)
    places = [place for row in rows for place in re.findall(r"`(\w+)` in `([\w/.]+)`", row)]
    assert len(places) == 5
    for name, file in places:
        assert re.search(rf"^(class |def )?{name}\b", (ROOT / file).read_text(), re.MULTILINE), name


def test_the_setup_names_files_that_exist() -> None:
    for name in re.findall(r"`((?:\.\w|\w+[/.])[\w/.]+)`", PAGES["Set up"] + PAGES["Tests"]):
        assert (ROOT / name).exists(), name
