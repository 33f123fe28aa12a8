"""Projects that turn on every option of a stage, and every kind of model, at least once."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_args

import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import BaseModel

from lading.stacks.stages.settings import SettingsFile
from tests.stacks.projects import local_artifact, locked, s3_copy, served_by_engine, write_project

STAGES: Final = """
stages:
  dev: {}
  prod:
    regions: [eu-central-1, us-east-1]
    artifact_buckets: {eu-central-1: artifacts-of-dev, us-east-1: artifacts-of-dev}
    public_health: true
    domain:
      name: everywhere.example.com
      certificates:
        eu-central-1: >-
          arn:aws:acm:eu-central-1:000000000000:certificate/0a1b2c3d-0000-4000-8000-000000000000
        us-east-1: >-
          arn:aws:acm:us-east-1:000000000000:certificate/0a1b2c3d-0000-4000-8000-000000000000
      hosted_zone_id: Z0123456789ABCDEFGHIJ
      routing: latency
      check: {every_s: 30, failures: 2}
    models:
      steady:
        batch: {instance: ml.g5.xlarge, instance_count: 2}
        sagemaker:
          instances: [ml.g5.xlarge, ml.g6.xlarge]
          count: {min: 2, max: 4}
          vpc: {subnets: [subnet-0a1b2c3d4e5f60718], security_groups: [sg-0a1b2c3d4e5f60718]}
      sleeping:
        sagemaker:
          mode: scale_to_zero
          instances: [ml.g5.xlarge]
          count: {max: 2}
          snap_start: true
      queued: {sagemaker: {mode: async, instances: [ml.m5.xlarge], count: {max: 2}}}
      hosted:
        managed:
          instances: [g6.xlarge, g6.2xlarge]
          subnets: [subnet-0a1b2c3d4e5f60718]
          security_groups: [sg-0a1b2c3d4e5f60718]
          memory_mb: 16384
          memory_per_vcpu_gib: 8
          concurrency: 12
          environments: {min: 1, max: 4}
          gpu_memory_gb: 24
          max_vcpus: 64
          utilization_percent: 70
  tokens:
    account: "000000000000"
    regions: [eu-central-1]
    architecture: arm64
    auth: token
    pages: true
    authorizer_cache_s: 60
    artifact_keys:
      - arn:aws:kms:eu-central-1:000000000000:key/0a1b2c3d-0000-4000-8000-000000000000
    cors: [https://app.example.com, https://other.example.com]
    throttling: {rate: 500, burst: 900, requests_per_address: 2000}
    tenants:
      acme: {rate: 50, burst: 100, quota: {requests: 100000, per: day}}
      other.one: {rate: 5, burst: 5}
    waf: true
    signatures: {key: release.pem, policy: off}
    domain:
      name: ml.example.com
      certificate_arn: >-
        arn:aws:acm:eu-central-1:000000000000:certificate/0a1b2c3d-0000-4000-8000-000000000000
      base_path: ml
      hosted_zone_id: Z0123456789ABCDEFGHIJ
      hosted_zone_name: example.com
    alarms: {email: on-call@example.com, error_rate: 0.05}
    watching:
      availability: 0.995
      latency_ms: 250
      fast: 0.95
      window_days: 28
      runbook: https://example.com/runbook
      trace_layers:
        eu-central-1: arn:aws:lambda:eu-central-1:615299751070:layer:AWSOpenTelemetryDistroPython:11
    rollout: linear-10-percent-every-1-minute
    drift: {lines_s: 30, every_minutes: 120, psi: 0.2}
    judge:
      errors: 1.2
      latency: 1.5
      answers: 2
      false_alarms: 0.01
      least_requests: 50
      on_little_traffic: roll_back
      on_broken: hold
    retraining:
      build_size: large
      build_minutes: 90
      requirements: [requirements.txt, requirements/boosting.txt]
      keep_days: 14
      signing_key: arn:aws:kms:eu-central-1:000000000000:key/0a1b2c3d-0000-4000-8000-000000000002
      data_keys:
        - arn:aws:kms:eu-central-1:000000000000:key/0a1b2c3d-0000-4000-8000-000000000002
    delivery:
      github:
        subject: repo:acme@1234/models@5678
        branch: release
        provider: arn:aws:iam::000000000000:oidc-provider/token.actions.githubusercontent.com
      pipeline:
        connection: >-
          arn:aws:codeconnections:eu-central-1:000000000000:connection/0a1b2c3d-0000-4000-8000-000000000000
        repository: acme/models
        branch: release
        before: [dev, staging]
        approval: false
        build_size: large
        build_minutes: 90
    log_retention_days: 30
    log_key: arn:aws:kms:eu-central-1:000000000000:key/0a1b2c3d-0000-4000-8000-000000000002
    permissions_boundary: arn:aws:iam::000000000000:policy/boundary
    models:
      layered:
        snap_start: false
        reserved_concurrency: 20
        batch: {concurrency: 5, inputs: ['s3://their-data/rows'], keep_days: 7}
        provisioned_concurrency:
          count: 2
          timezone: Europe/Berlin
          schedule:
            - {at: 'cron(0 7 ? * MON-FRI *)', count: 10}
            - {at: 'cron(0 19 ? * MON-FRI *)', count: 2}
      hosted:
        managed:
          provider: "arn:aws:lambda:eu-central-1:000000000000:capacity-provider:ours"
      big:
        memory_mb: 10240
        threads: 4
        timeout_s: 20
        p99_ms: 300
        split: {versions: {3: 90, 4: 10}, key: X-User-Id}
        capture: {fields: all}
      again: {shadow: {version: 4, percent: 25}}
      folder:
        capture:
          share: 0.5
          fields: [x, y]
          days: 7
          feedback: true
          key: arn:aws:kms:eu-central-1:000000000000:key/0a1b2c3d-0000-4000-8000-000000000003
      steady:
        shadow: {version: 4, percent: 40}
        sagemaker:
          instances: [ml.g4dn.xlarge]
          count: {min: 2, max: 3}
          scaling: {metric: invocations, target: 100, out_cooldown_s: 30, in_cooldown_s: 300}
          update:
            policy: linear
            percent: 50
            wait_s: 600
            termination_wait_s: 300
            timeout_s: 14400
            alarms: [their-alarm]
          network_isolation: false
          download_timeout_s: 600
          startup_timeout_s: 600
          provision_timeout_s: 900
          inference_ami: al2023-ami-sagemaker-inference-gpu-4-1
          answer_timeout_s: 120
          web_adapter: "arn:aws:lambda:eu-central-1:000000000000:layer:Adapter:1"
          web_adapter_sha256: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
      queued:
        sagemaker:
          mode: async
          instances: [ml.m5.xlarge]
          count: {min: 1, max: 2}
          queue:
            concurrency: 2
            success_topic: "arn:aws:sns:eu-central-1:000000000000:good"
            error_topic: "arn:aws:sns:eu-central-1:000000000000:bad"
          volume_key: >-
            arn:aws:kms:eu-central-1:000000000000:key/0a1b2c3d-0000-4000-8000-000000000001
          jobs_days: 3
      sleeping:
        sagemaker:
          mode: scale_to_zero
          instances: [ml.g5.xlarge]
          count: {max: 1}
          component: {accelerators: 0, cpus: 2, memory_mb: 8192, data_cache: false}
          hold_s: 10
          metrics: {enhanced: true, detailed: true, every_s: 30}
  open:
    regions: [eu-central-1]
    auth: none
    cors: ["*"]
    rollout: all-at-once
    retraining: {enabled: false}
    defaults: {sagemaker: {instances: [ml.g5.xlarge], update: {rollback: false}}}
    models:
      hosted:
        managed:
          provider: "arn:aws:lambda:eu-central-1:000000000000:capacity-provider:ours"
          gpu_memory_gb: 24
          image: "000000000000.dkr.ecr.eu-central-1.amazonaws.com/ours@sha256:{digest}"
    domain:
      name: open.example.com
      certificate_arn: >-
        arn:aws:acm:eu-central-1:000000000000:certificate/0a1b2c3d-0000-4000-8000-000000000000
""".replace("{digest}", "0a1b2c3d" * 8)

ENDPOINTS: Final = ("steady", "sleeping", "queued")
MODELS: Final = (*ENDPOINTS, "hosted", "layered", "big", "folder", "with.dots", "again")

AGAIN: Final[Mapping[str, Any]] = {
    "source": None,
    "train": {
        "entry": "train.py",
        "channels": {"train": "s3://rows/train", "whole": "s3://all-rows", "fixed": "holdout.csv"},
        "parameters": {"C": 1.0},
        "metrics": {"loss": "loss=([0-9.]+)"},
        "image": "763104351884.dkr.ecr.{region}.amazonaws.com/pytorch-training:2.8.0-cpu-py312",
        "spot": True,
        "schedule": "cron(0 3 ? * MON *)",
        "on": "drift",
        "alarm": "again-drift",
    },
    "accuracy": {"data": "holdout.csv", "metric": "accuracy", "max_drop": 0.05},
}
"""A model that the cloud trains again."""


_PUBLIC_KEY: Final = (
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
)


def two_versions(name: str, **changes: Any) -> dict[str, Any]:
    """A model of which version 3 is stable, and version 4 is there too; both in S3."""
    entry = locked(s3_copy(name, **changes))
    second = locked(
        s3_copy(
            name,
            "v4",
            key=f"models/{name}/4/artifact.zip",
            golden=f"models/{name}/golden/4.json",
            **changes,
        )
    )
    return {**entry, "versions": {**entry["versions"], "4": second["versions"]["3"]}}


def two_engines(name: str) -> dict[str, Any]:
    """A model of which an engine serves version 3, and version 4 is there too."""
    entry = served_by_engine(name)
    there = s3_copy(name, engine=f"models/{name}/sha256/{'f' * 64}/")
    (version,) = served_by_engine(name, there)["versions"].values()
    return {**entry, "versions": {**entry["versions"], "4": version}}


def write_matrix(folder: Path, *models: str) -> None:
    """Write the project of every stage, with some models, or with all."""
    entries: Mapping[str, Mapping[str, Any]] = {
        "layered": locked(s3_copy("layered")),
        "big": two_versions("big", bytes=1 << 28),
        "hosted": locked(s3_copy("hosted"), target="lambda-managed"),
        "folder": local_artifact(folder, "folder"),
        "with.dots": locked(s3_copy("with.dots", golden=None)),
        "again": two_versions("again"),
        **{name: served_by_engine(name) for name in ENDPOINTS},
        "steady": two_engines("steady"),
    }
    chosen = {name: entry for name, entry in entries.items() if name in (models or MODELS)}
    large = {
        name: {"target": "sagemaker", "twin": "layered"} for name in ENDPOINTS if name in chosen
    }
    (folder / "release.pem").write_bytes(_PUBLIC_KEY)
    for name in ("train.py", "holdout.csv"):
        (folder / name).write_text("x\n")
    again = {"again": AGAIN} if "again" in chosen else {}
    write_project(folder, chosen, STAGES, **large, **again)


def stated_options(entry: BaseModel) -> set[str]:
    """The dotted keys that an entry of settings states with another value than the default."""
    found = set()
    for key in entry.model_fields_set:
        value, field = getattr(entry, key), type(entry).model_fields[key]
        if value != field.default:
            found.add(key)
        found |= {f"{key}.{below}" for each in _entries(value) for below in stated_options(each)}
    return found


def all_options(kind: type[BaseModel]) -> set[str]:
    """The dotted keys of a kind of entry, and of the entries in it."""
    found = set()
    for key, field in kind.model_fields.items():
        found.add(key)
        for below in _kinds(field.annotation):
            found |= {f"{key}.{each}" for each in all_options(below)}
    return found


def read_stages(text: str) -> SettingsFile:
    return SettingsFile.model_validate(yaml.safe_load(text))


def _entries(value: Any) -> Iterator[BaseModel]:
    if isinstance(value, BaseModel):
        yield value
    elif isinstance(value, Mapping):
        yield from (each for each in value.values() if isinstance(each, BaseModel))
    elif isinstance(value, tuple):
        yield from (each for each in value if isinstance(each, BaseModel))


def _kinds(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _kinds(argument)
