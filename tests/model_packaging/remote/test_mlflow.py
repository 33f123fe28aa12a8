"""MLflow's own client, against a server with MLflow's API."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.model_packaging.remote.places import Place, mlflow_server
from tests.support.interpreter import ROOT

pytest.importorskip("mlflow")

TOKEN = "mlflow-secret"  # noqa: S105 - of a server on this machine
FILES = {
    "MLmodel": b"flavors: {onnx: {data: model.onnx}}",
    "model.onnx": b"a graph",
    "data/weights.bin": b"weights",
}
SCRIPT = """
import json, sys
from pathlib import Path
from lading.model_packaging.remote.cache import fetch
from lading.model_packaging.remote.kind import SourceUnfetched
found = []
for address in json.loads(sys.argv[1]):
    try:
        told = []
        got = fetch(address, None, Path(sys.argv[2]), lambda *each: told.append(each))
        again = fetch(address, got.pin, Path(sys.argv[2]), lambda *_: None)
        files = [p for p in got.path.rglob("*") if p.is_file()]
        files = sorted(p.relative_to(got.path).as_posix() for p in files)
        found.append({
            "files": files, "pin": got.pin.model_dump(), "told": told[-1], "bytes": got.bytes,
            "again": again.bytes,
        })
    except SourceUnfetched as error:
        found.append({"error": str(error)})
print(json.dumps(found))
"""


def fetched(
    place: Place, folder: Path, *addresses: str, **variables: str
) -> list[Mapping[str, Any]]:
    environment = {
        **os.environ,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_TRACKING_URI": place.url,
        "MLFLOW_TRACKING_TOKEN": TOKEN,
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(addresses), str(folder / "cache")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert "%|" not in done.stderr  # a bar of its own
    found: list[Mapping[str, Any]] = json.loads(done.stdout)
    return found


def test_a_model_is_downloaded_once_whatever_its_address(tmp_path: Path) -> None:
    addresses = ("models:/churn@champion", "models:/churn/3", "runs:/r1/artifacts")
    with mlflow_server(FILES, TOKEN) as place:
        found = fetched(place, tmp_path, *addresses)
    revisions = ("models:/churn/3", "models:/churn/3", "runs:/r1/artifacts")
    for address, revision, each in zip(addresses, revisions, found, strict=True):
        assert each.get("files") == sorted(FILES), each
        assert (each["pin"]["address"], each["pin"]["revision"]) == (address, revision)
        assert each["told"][1] == each["bytes"] == sum(map(len, FILES.values()))
        assert each["again"] == 0
    assert len({each["pin"]["digest"] for each in found}) == 1
    assert sum(each.endswith("/model.onnx") for each in place.seen) == 3


def test_what_cannot_be_downloaded_is_named_and_no_credential(tmp_path: Path) -> None:
    with mlflow_server(FILES, TOKEN) as place:
        absent, latest, stage, outside, short = fetched(
            place,
            tmp_path,
            "models:/absent@champion",
            "models:/churn/latest",
            "models:/churn/Production",
            "runs:/r1/../r2/model",
            "runs:/r1",
        )
        requests = len(place.seen)
        other = {"MLFLOW_TRACKING_TOKEN": "another-secret"}
        [refused] = fetched(place, tmp_path, "models:/churn/3", **other)
    assert "no such" in absent["error"]
    assert "MLFLOW_TRACKING_URI" in absent["error"]
    for each in (latest, stage, short):
        assert "is not of the form models:/name/3" in each["error"]
    assert "leads elsewhere" in outside["error"]
    assert requests == 1  # of the absent model alone
    assert "401" in refused["error"]
    assert "another-secret" not in refused["error"]
    assert not [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]


def test_a_listing_that_leads_out_or_is_too_large_is_refused_before_a_download(
    tmp_path: Path,
) -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return 1 << 60

    for files in ({"../../evil": b"x"}, {"model.onnx": Huge(b"x")}):
        with mlflow_server(files, TOKEN) as place:
            [found] = fetched(place, tmp_path, "models:/churn/3")
        assert "error" in found
        assert not any(each.endswith(("evil", "model.onnx")) for each in place.seen)
    assert not list(tmp_path.rglob("evil"))


def test_a_store_that_refuses_is_an_error_that_says_what_to_check(tmp_path: Path) -> None:
    """The client lets the errors of boto3 through."""
    with mlflow_server(FILES, TOKEN, store="s3://models/1") as place:
        [found] = fetched(place, tmp_path, "runs:/r1/model", AWS_PROFILE="absent")
    assert "cannot be downloaded: The config profile (absent) could not be found" in found["error"]
