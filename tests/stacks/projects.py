"""Projects to deploy: a manifest, a lock, settings, artifacts."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BUCKET = "artifacts-of-dev"
DIGEST = f"sha256:{'5' * 64}"


def s3_copy(name: str, version_id: str = "v1", **changes: Any) -> dict[str, Any]:
    return {
        "kind": "s3",
        "bucket": BUCKET,
        "key": f"models/{name}/3/artifact.zip",
        "version_id": version_id,
        "bytes": 1 << 20,
        "golden": f"models/{name}/golden/{'1' * 64}.json",
        **changes,
    }


def locked(*copies: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A model in the lock, with one version, 3, that is stable."""
    entry = {"identity": DIGEST, "digest": DIGEST, "target": "lambda", "stores": [*copies], **more}
    return {"versions": {"3": entry}, "labels": {"stable": 3}}


IMAGE = "763104351884.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-tritonserver:26.05-py3"

AMI = "al2023-ami-sagemaker-inference-gpu-4-1"
ENGINE = {
    "name": "triton",
    "digest": "e" * 64,
    "images": {"eu-central-1": IMAGE, "us-east-1": IMAGE.replace("eu-central-1", "us-east-1")},
    "amis": dict.fromkeys(("eu-central-1", "us-east-1"), AMI),
    "environment": {"SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": "model"},
}


def served_by_engine(name: str, /, *copies: Mapping[str, Any], **engine: Any) -> dict[str, Any]:
    """A model in the lock that Triton serves on SageMaker; in S3, unless copies say otherwise."""
    lies = copies or (s3_copy(name, engine=f"models/{name}/sha256/{'e' * 64}/"),)
    return locked(*lies, target="sagemaker", engine={**ENGINE, **engine})


def local_artifact(root: Path, name: str, *, golden: bool = True) -> dict[str, Any]:
    """The lock's entry of an artifact in a folder below `root`."""
    folder = root / "store" / "models" / name / "3"
    folder.mkdir(parents=True)
    contents = {"model.onnx": b"onnx", **({"golden.json": b"{}"} if golden else {})}
    files = {file: _sha256(content) for file, content in contents.items()}
    contents["artifact.json"] = json.dumps({"name": name, "files": files}).encode()
    for file, content in contents.items():
        (folder / file).write_bytes(content)
    entry = locked({"kind": "local", "path": "store"})
    entry["versions"]["3"]["digest"] = _sha256(contents["artifact.json"])
    return entry


def _sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def write_project(
    folder: Path, lock: Mapping[str, Any] | None, stages: str = "", **manifest: Any
) -> None:
    """A manifest, a lock if there is one, and settings; `manifest` adds to models in it."""
    names = lock or {"digits": None}
    models: dict[str, dict[str, Any]] = {name: {"source": f"{name}.onnx"} for name in names}
    for name, changes in manifest.items():
        models[name].update(changes)
    (folder / "models.yaml").write_text(json.dumps({"models": models}))
    (folder / "stages.yaml").write_text(stages)
    if lock is not None:
        (folder / "models.lock.json").write_text(json.dumps(lock))
