"""Signatures at synth: verified against the keys of the stage before any stack is created."""

import json
from pathlib import Path
from typing import Any

import pytest

from lading.functions.inference.attestation.statement import BUNDLE
from lading.model_packaging.signing.keys import FileKey
from lading.model_packaging.signing.signing import sign
from lading.stacks.errors import PlanError, SettingsError
from lading.stacks.plan.models import RegionPlan, plan_models
from lading.stacks.stages.settings import load_deployment
from tests.stacks.projects import local_artifact, locked, s3_copy, write_project
from tests.support.signing import new_pair

FOLDER = "store/models/digits/3"


@pytest.fixture
def key(tmp_path: Path) -> FileKey:
    """A project with a version, unsigned, whose stage trusts this key."""
    write_project(tmp_path, {"digits": local_artifact(tmp_path, "digits")})
    settle(tmp_path, key="keys/release.public.pem")
    return new_pair(tmp_path / "keys", "release")[0]


def settle(folder: Path, **settings: Any) -> None:
    document = {"stages": {"dev": {"signatures": settings}}}
    (folder / "stages.yaml").write_text(json.dumps(document))


def put_signature(folder: Path, key: FileKey, version: int = 3) -> None:
    place = folder / FOLDER
    contents = {path.name: path.read_bytes() for path in place.iterdir()}
    (place / BUNDLE).write_bytes(sign(key, "digits", version, contents))


def plan(folder: Path) -> RegionPlan:
    deployment = load_deployment(folder / "stages.yaml", "dev")
    return plan_models(folder / "models.yaml", folder / "models.lock.json", deployment, None)


def test_a_signed_version_is_deployed_and_its_layer_has_no_signature(
    tmp_path: Path, key: FileKey
) -> None:
    put_signature(tmp_path, key)
    planned = plan(tmp_path)
    assert planned.unsigned == {}
    [model] = planned.models
    assert BUNDLE not in getattr(model.artifact, "digests")  # noqa: B009 of a local artifact


def test_a_key_makes_an_unsigned_version_an_error_unless_the_policy_is_to_warn(
    tmp_path: Path, key: FileKey
) -> None:
    with pytest.raises(PlanError, match=r"'digits', version 3: .* is not signed; sign it with"):
        plan(tmp_path)
    settle(tmp_path, key=["keys/release.public.pem"], policy="warn")
    assert "is not signed" in plan(tmp_path).unsigned["digits"]
    settle(tmp_path, key="keys/release.public.pem", policy="off")
    assert plan(tmp_path).unsigned == {}


def test_the_signature_of_an_older_version_is_an_error(tmp_path: Path, key: FileKey) -> None:
    put_signature(tmp_path, key, 2)
    with pytest.raises(PlanError, match="has the signature of 'models/digits/2'"):
        plan(tmp_path)


def test_without_a_key_nothing_is_read(tmp_path: Path) -> None:
    write_project(tmp_path, {"digits": locked(s3_copy("digits"))})
    assert plan(tmp_path).unsigned == {}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"policy": "required"}, "stages.dev.signatures: signatures are required, but no key"),
        ({"key": "none.pem"}, r"stages.dev.signatures: key .*none.pem cannot be read"),
        ({"policy": "on"}, "stages.dev.signatures.policy: Input should be 'required', 'warn'"),
        ({"key": 7}, r"stages.dev.signatures.key"),
    ],
)
def test_settings_that_cannot_be_are_an_error(
    tmp_path: Path, settings: dict[str, Any], reason: str
) -> None:
    write_project(tmp_path, {"digits": locked(s3_copy("digits"))})
    settle(tmp_path, **settings)
    with pytest.raises(SettingsError, match=reason):
        plan(tmp_path)
