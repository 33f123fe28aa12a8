import json
from pathlib import Path

import pytest

from lading.model_packaging.engines.language_models import language_model_files
from lading.model_packaging.errors import SourceError
from tests.model_packaging.language_models import language_model, spec_of

WEIGHTS = "model-00001-of-00002.safetensors"


def refusal(folder: Path) -> str:
    with pytest.raises(SourceError) as caught:
        language_model_files(spec_of(folder))
    assert str(caught.value).startswith("model 'chat': ")
    return str(caught.value)


def test_the_files_of_a_folder_go_along_but_for_hidden_ones(tmp_path: Path) -> None:
    folder = language_model(tmp_path / "chat")
    (folder / ".cache").mkdir()
    (folder / ".cache/lock.pkl").write_bytes(b"")
    (folder / "extra").mkdir()
    (folder / "extra/chat_template.jinja").write_bytes(b"")
    files = language_model_files(spec_of(folder))
    assert sorted(files) == [
        "config.json",
        "extra/chat_template.jinja",
        WEIGHTS,
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
        "tokenizer.json",
    ]


def test_a_snapshot_of_links_is_followed(tmp_path: Path) -> None:
    folder = language_model(tmp_path / "blobs")
    (tmp_path / "snapshot").mkdir()
    for path in folder.iterdir():
        (tmp_path / "snapshot" / path.name).symlink_to(path)
    assert len(language_model_files(spec_of(tmp_path / "snapshot"))) == 5


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "a.pt", "b.PTH", "c.pkl", "modeling_chat.py", "d.so", "e.ckpt"]
)
def test_what_could_run_code_is_refused(tmp_path: Path, name: str) -> None:
    folder = language_model(tmp_path / "chat", **{name: b""})
    assert f"1 files that could run code ({name}); keep the .safetensors" in refusal(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors.index.json"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "is not JSON"), (b"[]", "is not a JSON object"), (b"[" * 100_000, "is not JSON")],
    ids=["empty", "list", "deep"],
)
def test_a_broken_document_is_named(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    message = refusal(language_model(tmp_path / "chat", **{name: content}))
    assert name in message
    assert reason in message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a safetensors file"),
        (b"\xff" * 8 + b"{}", "not a safetensors file"),
        ((2).to_bytes(8, "little") + b"{}" + b"more", "not those of its header"),
        ((2).to_bytes(8, "little") + b"[]", "damaged header"),
        ((7).to_bytes(8, "little") + b'{"a":1}', "damaged header"),
    ],
)
def test_weights_that_are_no_safetensors_are_refused(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    message = refusal(language_model(tmp_path / "chat", **{WEIGHTS: content}))
    assert f"{WEIGHTS} " in message
    assert reason in message


def test_weights_that_were_cut_short_are_refused(tmp_path: Path) -> None:
    folder = language_model(tmp_path / "chat")
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-1])
    assert "not those of its header; download it again" in refusal(folder)


def test_a_part_that_the_index_names_must_be_there(tmp_path: Path) -> None:
    folder = language_model(tmp_path / "chat")
    (folder / WEIGHTS).unlink()
    assert f"names {WEIGHTS}, which is missing" in refusal(folder)


@pytest.mark.parametrize("index", [{}, {"weight_map": 1}, {"weight_map": {"a": ["b"]}}])
def test_an_index_of_another_kind_is_refused(tmp_path: Path, index: object) -> None:
    content = json.dumps(index).encode()
    folder = language_model(tmp_path / "chat", **{"model.safetensors.index.json": content})
    assert "has no weight_map" in refusal(folder)


def test_what_is_no_language_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file.onnx").write_bytes(b"")
    assert "must be a folder" in refusal(tmp_path / "file.onnx")
    (tmp_path / "empty").mkdir()
    assert "has no files" in refusal(tmp_path / "empty")
    folder = language_model(tmp_path / "chat", **{"config.json": b"{}"})
    assert "has neither architectures nor a model_type" in refusal(folder)
    for path in folder.glob("*.safetensors*"):
        path.unlink()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    assert "has no .safetensors weights" in refusal(folder)
    (folder / "model.safetensors").symlink_to("nowhere")
    assert "broken link" in refusal(folder)
