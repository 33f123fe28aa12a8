"""The Hub's own library, against a server with the Hub's API."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.model_packaging.remote.places import COMMIT, Place, hub
from tests.support.interpreter import ROOT

pytest.importorskip("huggingface_hub")

FILES = {
    "config.json": b"{}",
    "model.safetensors": b"weights",
    "pytorch_model.bin": b"a pickle",
    "onnx/model.onnx": b"another",
    "tokenizer.json": b"{}",
}
SCRIPT = """
import json, sys
from pathlib import Path
from lading.model_packaging.remote.cache import fetch
from lading.model_packaging.remote.kind import SourceUnfetched
address, cache, times = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
pin, found = None, {}
try:
    for _ in range(times):
        got = fetch(address, pin, cache, lambda *_: None)
        pin = got.pin
    files = sorted(p.relative_to(got.path).as_posix() for p in got.path.rglob("*") if p.is_file())
    found = {"files": files, "revision": pin.revision}
except SourceUnfetched as error:
    found = {"error": str(error)}
print(json.dumps(found))
"""


def fetched(place: Place, address: str, folder: Path, times: int = 1) -> Any:
    environment = {
        **os.environ,
        "HF_ENDPOINT": place.url,
        "HF_HOME": str(folder / "home"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_TOKEN": "hf_secret",
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, address, str(folder / "cache"), str(times)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "hf_secret" not in done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_repository_is_downloaded_once_at_a_commit_and_without_pickles(tmp_path: Path) -> None:
    with hub("org/name", FILES) as place:
        found = fetched(place, "hf://org/name@main", tmp_path, times=3)
    assert found == {
        "files": ["config.json", "model.safetensors", "tokenizer.json"],
        "revision": COMMIT,
    }
    downloads = [each for each in place.seen if each.startswith("GET /org/name/resolve/")]
    assert len(downloads) == 3
    assert not any("pytorch_model" in each or "onnx" in each for each in place.seen)
    assert sum("/api/models/" in each for each in place.seen) == 2  # of the first time alone


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("hf://org/absent", "cannot be downloaded"),
        ("hf://name", "is not of the form hf://org/name"),
        ("hf://../../etc", "is not of the form"),
    ],
)
def test_what_is_not_there_is_named(tmp_path: Path, address: str, reason: str) -> None:
    with hub("org/name", FILES) as place:
        assert reason in fetched(place, address, tmp_path)["error"]
