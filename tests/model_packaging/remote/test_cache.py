from pathlib import Path

import pytest

from lading.model_packaging.lock.file import LockedSource
from lading.model_packaging.remote.cache import fetch, model_in
from lading.model_packaging.remote.kind import SourceUnfetched


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
    ],
)
def test_the_model_is_found_among_what_came(tmp_path: Path, names: list[str], model: str) -> None:
    assert model_in("s3://b/k", write(tmp_path, *names)) == tmp_path / model


def test_an_address_of_no_known_place_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(SourceUnfetched, match=r"gs://b/k has an unknown form; .* hf://org/name"):
        fetch("gs://b/k", None, tmp_path, lambda *_: None)


def test_a_cache_that_was_changed_is_not_used(tmp_path: Path) -> None:
    address = "hf://org/name@" + "a" * 40
    pin = LockedSource(address=address, revision="a" * 40, digest=f"sha256:{'0' * 64}")
    import hashlib

    key = hashlib.sha256(f"{address}\n{pin.revision}".encode()).hexdigest()[:32]
    write(tmp_path / key, "model.onnx")
    with pytest.raises(SourceUnfetched, match="but the lock pins sha256:0000"):
        fetch(address, pin, tmp_path, lambda *_: None)
