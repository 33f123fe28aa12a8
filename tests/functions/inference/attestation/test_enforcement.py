import json
import logging
from pathlib import Path

import pytest

from lading.functions.contract.errors import SignatureRefused
from lading.functions.contract.names import S3Object
from lading.functions.contract.settings import ServedModel
from lading.functions.inference.artifact.specification import MODEL
from lading.functions.inference.attestation.enforcement import FolderCheck, remote_attestations
from lading.functions.inference.attestation.statement import BUNDLE
from lading.functions.inference.attestation.verification import ANY, Mode, Trust
from lading.functions.inference.loading.control import ModelControl
from lading.functions.inference.loading.folder import load_folder
from lading.model_packaging.signing.keys import FileKey
from lading.model_packaging.signing.signing import seal, sign
from lading.model_packaging.store.publication import Built
from lading.model_packaging.store.versions import open_store
from tests.conftest import Bucket
from tests.model_packaging.stores import digest, files
from tests.support.signing import new_pair
from tests.support.worlds import echo, write_artifact


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> FileKey:
    return new_pair(tmp_path_factory.mktemp("keys"))[0]


def required(key: FileKey, mode: Mode = "required") -> Trust:
    return Trust(mode, {key.id: key.public_pem})


def models(root: Path, key: FileKey) -> Path:
    """A model folder with version 1, signed, and version 2, not signed."""
    for version in (1, 2):
        write_artifact(root, "m", version, echo())
    folder = root / "models/m/1"
    contents = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / BUNDLE).write_bytes(sign(key, "m", 1, contents))
    return root


def test_a_folder_serves_signed_versions_alone_where_a_signature_is_required(
    tmp_path: Path, key: FileKey
) -> None:
    catalog = load_folder(models(tmp_path, key), 1, FolderCheck(required(key)))
    assert catalog.model("m").ready(1)
    (failure,) = catalog.failures()
    assert failure.version == 2
    assert "model 'm' version 2 is not signed" in str(failure)


def test_a_warning_names_what_is_served_nevertheless(
    tmp_path: Path, key: FileKey, caplog: pytest.LogCaptureFixture
) -> None:
    catalog = load_folder(models(tmp_path, key), 1, FolderCheck(required(key, "warn")))
    assert catalog.ready()
    [record] = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert record.getMessage().startswith("model 'm' version 2 is not signed")


def test_nothing_is_read_or_said_where_signatures_are_off(
    tmp_path: Path, key: FileKey, caplog: pytest.LogCaptureFixture
) -> None:
    root = models(tmp_path, key)
    (root / "models/m/1" / BUNDLE).write_bytes(b"broken")
    assert load_folder(root, 1, FolderCheck(Trust("off"))).ready()
    assert not caplog.records


def test_a_file_beside_the_signed_ones_is_refused_and_the_report_is_not(
    tmp_path: Path, key: FileKey
) -> None:
    root = models(tmp_path, key)
    (root / "models/m/1/report.json").write_text("{}")
    check = FolderCheck(required(key))
    assert load_folder(root, 1, check).model("m").ready(1)
    (root / "models/m/1/inner").mkdir()
    (root / "models/m/1/inner/link").symlink_to("/etc/passwd")
    (first, _) = load_folder(root, 1, check).failures()
    assert "has the file 'inner/link', which is not signed" in str(first)


def test_a_model_that_is_loaded_at_run_time_is_verified_too(tmp_path: Path, key: FileKey) -> None:
    root = models(tmp_path, key)
    check = FolderCheck(required(key))
    control = ModelControl(load_folder(root, 1, check), root, 1, check)
    with pytest.raises(Exception, match="version 2 is not signed"):
        control.load("m")


def test_a_model_of_a_repository_cannot_be_signed(tmp_path: Path, key: FileKey) -> None:
    (tmp_path / "m/1").mkdir(parents=True)
    (tmp_path / "m/1" / MODEL).write_bytes(echo())
    (failure,) = load_folder(tmp_path, 1, FolderCheck(required(key))).failures()
    assert "has no artifact.json, and so no signature; package it" in str(failure)
    assert load_folder(tmp_path, 1, FolderCheck(ANY)).ready()


def test_a_version_in_s3_has_its_signature_beside_it(bucket: Bucket, key: FileKey) -> None:
    store = open_store(bucket.address)
    store.publish("digits", Built(files(), seal=seal(key)), {})
    place = S3Object(bucket.name, "some/prefix/models/digits/1/artifact.zip", "any")
    read = remote_attestations([ServedModel("digits", {1: ""}, remote={1: place})])
    bundle = read("digits", 1, digest(files()))
    assert bundle is not None
    assert json.loads(bundle)["dsseEnvelope"]
    assert read("digits", 1, "sha256:" + "0" * 64) is None
    assert read("iris", 1, digest(files())) is None
    artifact = store.open("digits", 1).artifact
    check = FolderCheck(required(key), read)
    check("digits", 1, artifact, Path("nowhere"))
    with pytest.raises(SignatureRefused, match="is not signed"):
        check("digits", 2, artifact, Path("nowhere"))
