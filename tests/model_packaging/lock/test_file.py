import json
from pathlib import Path

import pytest

from lading.model_packaging.lock.edits import record
from lading.model_packaging.lock.file import (
    CopyElsewhere,
    LocalCopy,
    Lock,
    LockedEngine,
    LockedVersion,
    LockError,
    S3Copy,
    read_lock,
    render_lock,
    version_folder,
)


def entry(digit: int = 0, path: str = "artifacts") -> LockedVersion:
    text = f"sha256:{digit:064x}"
    return LockedVersion(identity=text, digest=text, stores=(LocalCopy(path=path),))


def remote(version_id: str = "one") -> S3Copy:
    key = "a/models/digits/1/artifact.zip"
    return S3Copy(bucket="a-bucket", key=key, version_id=version_id, bytes=7)


def test_an_absent_lock_is_empty(tmp_path: Path) -> None:
    lock = read_lock(tmp_path / "models.lock.json")
    assert lock == Lock({})
    assert lock.digests("digits") == {}


def test_a_version_is_recorded_in_the_form_that_git_keeps(tmp_path: Path) -> None:
    path = tmp_path / "models.lock.json"
    record(path, "digits", 1, entry(7), ["stable"])
    digest = f"sha256:{7:064x}"
    document = {
        "digits": {
            "versions": {
                "1": {
                    "identity": digest,
                    "digest": digest,
                    "target": "lambda",
                    "stores": [{"kind": "local", "path": "artifacts"}],
                }
            },
            "labels": {"stable": 1},
        }
    }
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == document
    assert text == json.dumps(document, indent=2, sort_keys=True) + "\n"
    assert read_lock(path).digests("digits") == {1: digest}


WRITTEN = Path(__file__).with_name("models.lock.json")
"""Written by packaging before version 0.1.0: a version of each kind, and copies of each kind."""


def test_a_lock_with_every_kind_of_version_and_copy_is_read_and_written_the_same() -> None:
    lock = read_lock(WRITTEN)
    assert render_lock(lock) == WRITTEN.read_bytes()
    versions = {name: model.versions[1] for name, model in lock.root.items()}
    assert {copy.kind for copy in versions["linear"].stores} == {"local", "s3"}
    assert versions["colors"].processing == ("pillow",)
    engines = {name: entry.engine for name, entry in versions.items()}
    kinds = {name: (each.name, each.archive) for name, each in engines.items() if each}
    assert kinds == {
        "large": ("triton", False),
        "chat": ("vllm", False),
        "boxed": ("container", True),
    }


def test_a_lock_of_an_older_layout_says_what_to_do(tmp_path: Path) -> None:
    old = json.loads(WRITTEN.read_text(encoding="utf-8"))
    old["colors"]["versions"]["1"]["processing"] = True  # before steps had several libraries
    path = tmp_path / "models.lock.json"
    path.write_text(json.dumps(old), encoding="utf-8")
    with pytest.raises(LockError, match=r"colors\.versions\.1\.processing") as caught:
        read_lock(path)
    assert "if an older Lading wrote it, delete it and package the models again" in str(
        caught.value
    )


def test_the_libraries_of_steps_are_recorded() -> None:
    given = entry().model_dump(mode="json")
    assert "processing" not in given
    stepped = LockedVersion.model_validate({**given, "processing": ["pillow"]})
    assert stepped.model_dump(mode="json")["processing"] == ["pillow"]
    with pytest.raises(ValueError, match="pillow"):
        LockedVersion.model_validate({**given, "processing": ["../lambda"]})


def test_a_version_has_copies_of_both_kinds(tmp_path: Path) -> None:
    path = tmp_path / "models.lock.json"
    record(path, "digits", 1, entry(), ["stable"])
    record(path, "digits", 1, entry().model_copy(update={"stores": (remote(),)}), [])
    stores = json.loads(path.read_text())["digits"]["versions"]["1"]["stores"]
    assert stores == [
        {"kind": "local", "path": "artifacts"},
        {
            "kind": "s3",
            "bucket": "a-bucket",
            "key": "a/models/digits/1/artifact.zip",
            "version_id": "one",
            "golden": None,
            "bytes": 7,
        },
    ]
    assert read_lock(path).model("digits").versions[1].stores == (
        LocalCopy(path="artifacts"),
        remote(),
    )


def test_a_version_that_is_not_here_says_what_brings_it(tmp_path: Path) -> None:
    path = tmp_path / "models.lock.json"
    copies = (LocalCopy(path="artifacts"), remote())
    record(path, "digits", 1, entry().model_copy(update={"stores": copies}), [])
    with pytest.raises(CopyElsewhere, match=r"s3://a-bucket/a/models.*`lading pull digits`"):
        version_folder(path, "digits", 1)
    (tmp_path / "artifacts/models/digits/1").mkdir(parents=True)
    assert version_folder(path, "digits", 1) == tmp_path / "artifacts/models/digits/1"


HEX = f"{1:064x}"


def large(region: str, image: str = "one", ami: str = "") -> LockedVersion:
    amis = {region: ami} if ami else {}
    engine = LockedEngine(name="triton", digest=HEX, images={region: image}, amis=amis)
    return entry().model_copy(update={"target": "sagemaker", "engine": engine})


def test_an_engines_version_says_which_images_run_it_and_where_its_files_lie(
    tmp_path: Path,
) -> None:
    path = tmp_path / "models.lock.json"
    copy = remote().model_copy(update={"engine": f"a/models/digits/sha256/{HEX}/"})
    record(path, "digits", 1, large("eu-west-1").model_copy(update={"stores": (copy,)}), [])
    version = json.loads(path.read_text())["digits"]["versions"]["1"]
    assert version["engine"] == {
        "name": "triton",
        "digest": HEX,
        "images": {"eu-west-1": "one"},
        "environment": {},
        "archive": False,
    }
    assert version["stores"][0]["engine"] == f"a/models/digits/sha256/{HEX}/"
    assert read_lock(path).model("digits").versions[1].target == "sagemaker"


BROKEN = {
    "": "is not JSON",
    '{"digits": ': "is not JSON at line 1",
    "[]": "is not a lock of this",
    '{"digits": {"versions": {"1": {}}}}': "digits.versions.1.identity",
    '{"digits": {"labels": {"stable": 3}}}': "label 'stable' points at version 3",
    '{"digits": {"versons": {}}}': "digits.versons",
    '{"a": 1,\n<<<<<<< HEAD\n"b": 2\n=======\n>>>>>>> x\n}': "merge conflict at line 2",
    "[" * 100_000: "too deeply nested",
    json.dumps(
        {"a": {"versions": {"1": {**entry().model_dump(), "target": "sagemaker"}}}}
    ): "has an engine when its target is sagemaker",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_lock_is_one_clear_error_and_is_never_written_over(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "models.lock.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LockError) as caught:
        record(path, "digits", 1, entry(), [])
    assert str(path) in str(caught.value)
    assert BROKEN[text] in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_text(encoding="utf-8") == text


def test_a_lock_that_is_no_text_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "models.lock.json"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(LockError, match="cannot be read"):
        read_lock(path)


def test_the_folder_of_a_version_is_found_from_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "models.lock.json"
    record(path, "digits", 1, entry(path="gone"), [])
    record(path, "digits", 1, entry(path="kept"), [])
    assert version_folder(path, "digits", 1) == tmp_path / "gone/models/digits/1"
    (tmp_path / "kept/models/digits/1").mkdir(parents=True)
    assert version_folder(path, "digits", 1) == tmp_path / "kept/models/digits/1"
    with pytest.raises(LockError, match="no version 2 of model 'digits'; package it first"):
        version_folder(path, "digits", 2)
