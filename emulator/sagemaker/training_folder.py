"""The folder of a training job: what SageMaker puts below /opt/ml, and what it takes from there."""

import json
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

HOST = "algo-1"
ROOT = "/opt/ml"


class Bucket(Protocol):
    """Objects in S3; an address is s3://bucket/prefix."""

    def fetch(self, address: str, folder: Path) -> None:
        """Write the objects below an address to a folder."""

    def keep(self, folder: Path, address: str) -> None:
        """Write the files of a folder below an address."""


@dataclass(frozen=True, slots=True)
class TrainingFolder:
    """The folder that is /opt/ml for one job.

    Args:
        base: the folder.
        request: the job's request.
    """

    base: Path
    request: Mapping[str, Any]

    def prepare(self, bucket: Bucket) -> None:
        """Write the configuration, and the data of every channel."""
        channels = {each["ChannelName"]: each for each in self.request.get("InputDataConfig", ())}
        config = self.base / "input" / "config"
        for folder in (config, self.base / "model", self.base / "output" / "data"):
            folder.mkdir(parents=True, exist_ok=True)
        documents = {
            "hyperparameters.json": self.request.get("HyperParameters", {}),
            "inputdataconfig.json": {name: _config(each) for name, each in channels.items()},
            "resourceconfig.json": {
                "current_host": HOST,
                "hosts": [HOST],
                "current_instance_type": self.request["ResourceConfig"]["InstanceType"],
                "network_interface_name": "eth0",
            },
        }
        for name, document in documents.items():
            (config / name).write_text(json.dumps(document), encoding="utf-8")
        for name, channel in channels.items():
            address = channel["DataSource"]["S3DataSource"]["S3Uri"]
            bucket.fetch(address, self.base / "input" / "data" / name)
        if checkpoints := self.request.get("CheckpointConfig"):
            bucket.fetch(checkpoints["S3Uri"], self.path(checkpoints.get("LocalPath")))
        if "ContainerEntrypoint" not in self.request["AlgorithmSpecification"]:
            submitted = self.request.get("HyperParameters", {})["sagemaker_submit_directory"]
            shutil.copytree(self.path(submitted), self.base / "code")

    def command(self, python: str) -> list[str]:
        """Return the container's command, with this folder in the place of /opt/ml.

        Without an entry point the image's own runs: AWS's framework images copy the submitted
        folder to /opt/ml/code, and start the program there with the other hyperparameters as flags.
        """
        algorithm = self.request["AlgorithmSpecification"]
        given = self.request.get("HyperParameters", {})
        words = [*algorithm.get("ContainerEntrypoint", ())]
        if words:
            words += algorithm.get("ContainerArguments", ())
        else:
            own = {k: v for k, v in given.items() if not k.startswith(("sagemaker_", "_tuning_"))}
            flags = [word for name, text in own.items() for word in (f"--{name}", text)]
            words = ["python3", f"{ROOT}/code/{given['sagemaker_program']}", *flags]
        placed = [word.replace(ROOT, str(self.base)) for word in words]
        return [python if word in ("python", "python3") else word for word in placed]

    def keep_result(self, bucket: Bucket, job: str) -> str:
        """Store the model and the output; return the address of the model's archive."""
        kept = self.base.with_name(f"{self.base.name}-kept")
        kept.mkdir()
        for name, folder in (("model", "model"), ("output", "output/data")):
            with tarfile.open(kept / f"{name}.tar.gz", "w:gz") as archive:
                archive.add(self.base / folder, arcname=".")
        address = f"{self.request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{job}/output"
        bucket.keep(kept, address)
        shutil.rmtree(kept)
        return f"{address}/model.tar.gz"

    def keep_checkpoints(self, bucket: Bucket) -> None:
        """Store the checkpoints, as SageMaker does all the time."""
        if checkpoints := self.request.get("CheckpointConfig"):
            bucket.keep(self.path(checkpoints.get("LocalPath")), checkpoints["S3Uri"])

    def failure(self) -> str:
        """Return the first 1,024 characters of the failure file."""
        path = self.base / "output" / "failure"
        return path.read_text(encoding="utf-8")[:1024] if path.is_file() else ""

    def path(self, path: str | None) -> Path:
        """Return the place of a path of the container."""
        below = (path or f"{ROOT}/checkpoints").removeprefix(ROOT).lstrip("/")
        return self.base / below


def _config(channel: Mapping[str, Any]) -> dict[str, str]:
    source = channel["DataSource"]["S3DataSource"]
    return {
        "TrainingInputMode": channel.get("InputMode", "File"),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
