import io
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from lading.model_packaging.lock.file import LockedSource
from lading.model_packaging.remote.cache import fetch, model_in, unpacked
from lading.model_packaging.remote.kind import SourceUnfetched
from lading.model_packaging.sources.tarball import ArchiveRefused
from tests.support.interpreter import ROOT


def write(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


@pytest.mark.parametrize(
    ("names", "model"),
    [
        (["anything"], "anything"),
        (["model.skops", "README.md", "config.txt"], "model.skops"),
        (["booster.json", "README.md"], "booster.json"),
        (["inner/saved_model.pb", "inner/variables/a", "notes.md"], "inner"),
        (["saved_model.pb", "variables/a"], "."),
        (["config.json", "model.safetensors", "tokenizer.json"], "."),
        (["MLmodel", "model.pkl", "conda.yaml"], "."),
        (["model/MLmodel", "model/model.onnx"], "model"),
    ],
)
def test_the_model_is_found_among_what_came(tmp_path: Path, names: list[str], model: str) -> None:
    assert model_in("s3://b/k", write(tmp_path, *names)) == tmp_path / model


def test_an_address_of_no_known_place_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(SourceUnfetched, match=r"gs://b/k has an unknown form; .* hf://org/name"):
        fetch("gs://b/k", None, tmp_path, lambda *_: None)


KILLED = """
import os, signal, sys
from pathlib import Path
from lading.model_packaging.remote import cache
def fill(folder):
    (folder / "part").write_bytes(b"x")
    os.kill(os.getpid(), signal.SIGKILL)
cache._made(Path(sys.argv[1]) / "a", fill)
"""


def test_what_a_killed_download_left_is_deleted_by_the_next(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert [path.name[0] for path in tmp_path.iterdir()] == ["."]
    archive = tmp_path / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(write(tmp_path / "files", "model.onnx") / "model.onnx", "model.onnx")
    cache = tmp_path / "cache"
    subprocess.run([sys.executable, "-c", KILLED, str(cache)], cwd=ROOT, check=False)
    found = unpacked(archive, cache)
    assert [path.name for path in cache.iterdir()] == [found.parent.name]


def test_an_archive_is_unpacked_only_within_the_free_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        info = tarfile.TarInfo("model.onnx")
        info.size = 2_000
        tar.addfile(info, io.BytesIO(bytes(2_000)))
    free = shutil.disk_usage(tmp_path)._replace(free=(1 << 30) + 1_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(ArchiveRefused, match="unpacks to more than 1,000 bytes"):
        unpacked(archive, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_cache_that_was_changed_is_not_used(tmp_path: Path) -> None:
    address = "hf://org/name@" + "a" * 40
    pin = LockedSource(address=address, revision="a" * 40, digest=f"sha256:{'0' * 64}")
    import hashlib

    key = hashlib.sha256(f"{address}\n{pin.revision}".encode()).hexdigest()[:32]
    write(tmp_path / key, "model.onnx")
    with pytest.raises(SourceUnfetched, match="but the lock pins sha256:0000"):
        fetch(address, pin, tmp_path, lambda *_: None)
