"""`lading sign`, `lading verify`, and what the other commands do about signatures."""

import contextlib
import json
import shutil
from pathlib import Path

import pytest

from lading.cli.main import main
from lading.functions.inference.attestation.statement import BUNDLE
from tests.cli.conftest import MANIFEST, Lading
from tests.conftest import Bucket
from tests.support.signing import new_key, new_pair
from tests.support.worlds import times

FOLDER = Path("artifacts/models/double/1")


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model whose version 1 was signed as it was published."""
    folder = tmp_path_factory.mktemp("packaged")
    (folder / "models.yaml").write_text(MANIFEST)
    (folder / "double.onnx").write_bytes(times(2))
    key, _ = new_pair(folder / "keys")
    with contextlib.chdir(folder), pytest.raises(SystemExit) as ended:
        main(["package", "--signing-key", str(key.path)])
    assert not ended.value.code
    return folder


@pytest.fixture
def signed(lading: Lading, workspace: Path, packaged: Path) -> Lading:
    """`lading` where version 1 of a model is signed, and its key is trusted."""
    shutil.copytree(packaged, workspace, dirs_exist_ok=True)
    trust(workspace, {"key": "keys/private.public.pem"})
    return lading


def trust(workspace: Path, signatures: dict[str, object]) -> None:
    document = {"stages": {"dev": {"signatures": signatures}}}
    (workspace / "stages.yaml").write_text(json.dumps(document))


def test_what_is_signed_at_publishing_is_valid_and_listed(signed: Lading, workspace: Path) -> None:
    assert (workspace / FOLDER / BUNDLE).is_file()
    [row] = signed("verify", "double", "--json").document
    assert (row["model"], row["version"], row["valid"]) == ("double", 1, True)
    [listed] = signed("versions", "--json").document
    assert listed["signature"] == {"state": "valid", "key": row["key"], "reason": ""}
    assert f"valid, {row['key'][:12]}" in signed("versions").out


def test_a_version_is_signed_again_with_another_key_and_the_old_one_is_revoked(
    signed: Lading, workspace: Path
) -> None:
    new = str(new_key(workspace, "new"))
    result = signed("sign", "--signing-key", new, "--public-key", "keys/new.pem", "--json")
    [row] = result.document
    assert (row["version"], row["places"]) == (1, ["artifacts"])
    refused = signed("verify")
    assert refused.code == 6
    assert "which is not trusted" in refused.err
    [listed] = signed("versions", "--json").document
    assert listed["signature"]["state"] == "refused"
    trust(workspace, {"key": ["keys/private.public.pem", "keys/new.pem"]})
    assert signed("verify").code == 0
    assert signed("verify", "--key", "keys/new.pem").code == 0


def test_a_dry_run_signs_nothing(signed: Lading, workspace: Path) -> None:
    before = (workspace / FOLDER / BUNDLE).read_bytes()
    new = str(new_key(workspace, "new"))
    result = signed("sign", "--signing-key", new, "--public-key", "keys/new.pem", "--dry-run")
    assert "double version 1 would be signed with key " in result.out
    assert not (workspace / "keys/new.pem").exists()
    assert (workspace / FOLDER / BUNDLE).read_bytes() == before


def test_an_altered_model_is_refused_by_verify(signed: Lading, workspace: Path) -> None:
    (workspace / FOLDER / "model.onnx").write_bytes(times(3))
    result = signed("verify", "double", "--json")
    assert result.code == 6
    [row] = result.document
    assert (row["valid"], row["key"]) == (False, None)
    assert "is damaged" in row["reason"]


def test_a_version_without_signature_is_not_served_where_a_key_is_named(
    signed: Lading, workspace: Path
) -> None:
    (workspace / FOLDER / BUNDLE).unlink()
    result = signed("serve", "--port", "0")
    assert result.code == 6
    assert "model 'double' version 1 is not signed; sign it with `lading sign" in result.err
    [listed] = signed("versions", "--json").document
    assert listed["signature"]["state"] == "missing"


def test_a_signature_follows_to_s3_and_back_and_pull_refuses_a_version_without(
    signed: Lading, workspace: Path, bucket: Bucket
) -> None:
    assert signed("push", "--store", bucket.address).code == 0
    shutil.rmtree(workspace / "artifacts")
    assert signed("pull").code == 0
    assert signed("verify").code == 0
    shutil.rmtree(workspace / "artifacts")
    keys = bucket.keys()
    [key] = [each for each in keys if "/attestations/1-" in each]
    bucket.client.delete_object(Bucket=bucket.name, Key=key)
    refused = signed("pull")
    assert refused.code == 6
    assert "is not signed" in refused.err
    assert not (workspace / FOLDER).exists()
    trust(workspace, {"key": "keys/private.public.pem", "policy": "warn"})
    warned = signed("pull")
    assert warned.code == 0
    assert "warning: model 'double' version 1 is not signed" in warned.err
    places = signed("sign", "--signing-key", "private.pem")
    assert places.code == 2  # the key is in another folder
    both = signed("sign", "--signing-key", "keys/private.pem", "--json").document[0]["places"]
    assert len(both) == 2
    assert set(bucket.keys()) == set(keys)


def test_a_command_without_a_key_says_what_to_name(lading: Lading) -> None:
    assert "--signing-key" in lading("sign").err
    result = lading("verify")
    assert result.code == 2
    assert "no key is trusted; name a public key with --key, or as stages.dev" in result.err
