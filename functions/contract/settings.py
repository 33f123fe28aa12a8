"""The settings of the service, read from its environment variables here alone."""

import json
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from lading.functions.contract.limits import GATEWAY, LAMBDA, SAGEMAKER
from lading.functions.contract.names import (
    CAPTURE,
    ENDPOINT,
    ENVIRONMENT,
    JOBS,
    LAYER_ROOT,
    S3Object,
)

if TYPE_CHECKING:
    from lading.functions.contract.capture import CaptureSettings
    from lading.functions.contract.split import VersionSplit


class ServedModel(NamedTuple):
    """A model to serve: its versions with their artifact digests, and their labels."""

    name: str
    versions: Mapping[int, str]
    labels: Mapping[str, int] = MappingProxyType({})
    remote: Mapping[int, S3Object] = MappingProxyType({})
    """Versions that are read from S3; the others are below the model root."""
    split: "VersionSplit | None" = None
    """The share of each version in requests that state none; None: the stable one has all."""


class ServedEndpoint(NamedTuple):
    """The SageMaker endpoint that answers for the models of a proxy; see `contract.ENDPOINT`."""

    name: str
    component: str = ""
    engine_model: str = ""
    mode: str = "steady"
    hold_s: float = 0
    time_limit_s: float = GATEWAY.answer_timeout_s
    payload_limit: int = SAGEMAKER.payload_bytes
    twin_function: str = ""
    twin_model: str = ""
    captured: str = ""


class JobsPlace(NamedTuple):
    """The place of asynchronous jobs and their answers; see `contract.JOBS`."""

    bucket: str
    table: str
    function: str = ""
    """`name:version` of this function, which then runs jobs by invoking itself; else threads do."""
    owner: str = ""
    """The account that owns the bucket; S3 refuses another's. Empty: not checked."""


class ShadowVersion(NamedTuple):
    """Another version that gets a share of the requests, and whose answers no caller sees."""

    function: str
    """`name:alias` of its function."""
    percent: float


class ServingSettings(NamedTuple):
    """Settings of the service: which models it serves, from where, and how."""

    models: tuple[ServedModel, ...] = ()
    """What to serve."""
    model_root: str = LAYER_ROOT
    """Folder that holds `models/<name>/<version>`."""
    threads: int = 0
    """Threads of one prediction; 0 for one for each available processor."""
    log_level: str = "INFO"
    stage: str = ""
    """The deployment's stage, which separates its metrics from those of other stages."""
    endpoint: ServedEndpoint | None = None
    """The endpoint of models with an engine; None where there is none."""
    node_endpoints: Mapping[str, ServedEndpoint] = MappingProxyType({})
    """The endpoint of each model of a graph that an engine serves."""
    jobs: JobsPlace | None = None
    idempotency_table: str = ""
    origins: tuple[str, ...] = ()
    """Origins whose pages may call the service from a browser."""
    base_path: str = ""
    """The base path of the API's custom domain, which paths of events start with."""
    allow_code: bool = False
    """Whether the code of an artifact may run whose digest no lock states."""
    drift_s: float = ENVIRONMENT.default_drift_s
    """Seconds between the lines with counts of inputs and answers; 0 if they are not counted."""
    note_answers: bool = False
    """Whether log lines say the class and the score of an answer, for a judge of versions."""
    shadow: ShadowVersion | None = None
    capture: "CaptureSettings | None" = None
    """Which requests are captured; None: none are."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "ServingSettings":
        """Settings from variables named in `contract.ENVIRONMENT`, `ENDPOINT` and `JOBS`.

        `LADING_MODELS` is a part of the lock:
        `{"digits": {"versions": {"1": "sha256:..."}, "labels": {"stable": 1}}}`. A model too large
        for a layer also has `"s3": {"1": {"bucket": ..., "key": ..., "version_id": ...}}`, and one
        of which several versions answer `"split": {"percents": {"1": 90, "2": 10}, "key": "..."}`.

        Raises:
            ValueError: a variable is wrong; the message names it.
        """
        return cls(
            models=_read_models(environment.get(ENVIRONMENT.models, "{}")),
            model_root=environment.get(ENVIRONMENT.model_root, LAYER_ROOT),
            threads=_read_threads(environment.get(ENVIRONMENT.threads, "0")),
            log_level=environment.get(ENVIRONMENT.log_level, "INFO"),
            stage=environment.get(ENVIRONMENT.stage, ""),
            endpoint=_read_endpoint(environment),
            node_endpoints=_read_node_endpoints(environment.get(ENDPOINT.of_nodes, "{}")),
            jobs=_read_jobs(environment),
            idempotency_table=environment.get(JOBS.idempotency_table, ""),
            origins=_read_origins(environment.get(ENVIRONMENT.cors, "")),
            base_path=environment.get(ENVIRONMENT.base_path, ""),
            allow_code=environment.get(ENVIRONMENT.allow_code, "").lower() == "true",
            drift_s=_number(environment, ENVIRONMENT.drift, ENVIRONMENT.default_drift_s, 86_400),
            note_answers=environment.get(ENVIRONMENT.note_answers) == "true",
            shadow=_read_shadow(environment),
            capture=_read_capture(environment),
        )

    def to_environment(self) -> dict[str, str]:
        """Return the variables from which `from_environment` reads the same settings."""
        models = {model.name: _render_model(model) for model in self.models}
        return {
            ENVIRONMENT.models: json.dumps(models, separators=(",", ":")),
            ENVIRONMENT.model_root: self.model_root,
            ENVIRONMENT.threads: str(self.threads),
            ENVIRONMENT.log_level: self.log_level,
            **({ENVIRONMENT.stage: self.stage} if self.stage else {}),
            **(_render_endpoint(self.endpoint) if self.endpoint else {}),
            **(_render_node_endpoints(self.node_endpoints) if self.node_endpoints else {}),
            **(_render_jobs(self.jobs) if self.jobs else {}),
            **({JOBS.idempotency_table: it} if (it := self.idempotency_table) else {}),
            **({ENVIRONMENT.cors: ",".join(self.origins)} if self.origins else {}),
            **({ENVIRONMENT.base_path: it} if (it := self.base_path) else {}),
            **({ENVIRONMENT.allow_code: "true"} if self.allow_code else {}),
            **_render_drift(self.drift_s),
            **({ENVIRONMENT.note_answers: "true"} if self.note_answers else {}),
            **(_render_shadow(self.shadow) if self.shadow else {}),
            **(self.capture.to_environment() if self.capture else {}),
        }


def _read_models(text: str) -> tuple[ServedModel, ...]:
    try:
        return tuple(_read_model(name, entry) for name, entry in json.loads(text).items())
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{ENVIRONMENT.models} must be an excerpt of a lock: {error!r}") from error


def _read_model(name: str, entry: Mapping[str, Any]) -> ServedModel:
    versions = {int(version): str(digest) for version, digest in entry["versions"].items()}
    labels = {str(label): int(version) for label, version in entry.get("labels", {}).items()}
    remote = {int(version): S3Object(**place) for version, place in entry.get("s3", {}).items()}
    if not versions:
        raise ValueError(f"model '{name}' has no versions")
    for label, version in labels.items():
        if version not in versions:
            raise ValueError(
                f"label '{label}' of model '{name}' names version {version}, which is not served"
            )
    return ServedModel(name, versions, labels, remote, _read_split(name, entry, versions))


def _read_split(
    name: str, entry: Mapping[str, Any], served: Mapping[int, str]
) -> "VersionSplit | None":
    if "split" not in entry:
        return None
    from lading.functions.contract.split import VersionSplit

    stated = entry["split"]
    percents = {int(version): float(percent) for version, percent in stated["percents"].items()}
    if not percents.keys() <= served.keys() or not any(it > 0 for it in percents.values()):
        raise ValueError(f"the split of model '{name}' must divide versions that are served")
    return VersionSplit(percents, str(stated.get("key", "")))


def _render_model(model: ServedModel) -> dict[str, Any]:
    """Return the inverse of `_read_model`."""
    entry: dict[str, Any] = {"versions": dict(model.versions), "labels": dict(model.labels)}
    remote = {version: _stated(place) for version, place in model.remote.items()}
    entry |= {"s3": remote} if remote else {}
    return {**entry, "split": model.split._asdict()} if model.split else entry


def _stated(place: S3Object) -> dict[str, str]:
    return {key: value for key, value in place._asdict().items() if value}


def _read_origins(text: str) -> tuple[str, ...]:
    if not text:
        return ()
    from lading.functions.contract.origins import read_origins

    try:
        return read_origins(text)
    except ValueError as error:
        raise ValueError(f"{ENVIRONMENT.cors}: {error}") from error


def _read_threads(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{ENVIRONMENT.threads} must be a whole number, got '{text}'")
    return int(text)


def _read_endpoint(environment: Mapping[str, str]) -> ServedEndpoint | None:
    if not environment.get(ENDPOINT.name):
        return None
    endpoint = ServedEndpoint(
        name=environment[ENDPOINT.name],
        component=environment.get(ENDPOINT.component, ""),
        engine_model=environment.get(ENDPOINT.engine_model, ""),
        mode=environment.get(ENDPOINT.mode, "steady"),
        hold_s=_number(environment, ENDPOINT.hold, 0, SAGEMAKER.hold_s),
        time_limit_s=_number(
            environment, ENDPOINT.time_limit, GATEWAY.answer_timeout_s, LAMBDA.timeout_s
        ),
        payload_limit=int(
            _number(environment, ENDPOINT.payload_limit, SAGEMAKER.payload_bytes, 1 << 30)
        ),
        twin_function=environment.get(ENDPOINT.twin, ""),
        twin_model=environment.get(ENDPOINT.twin_model, ""),
        captured=environment.get(ENDPOINT.captured, ""),
    )
    if bool(endpoint.twin_function) != bool(endpoint.twin_model):
        raise ValueError(f"{ENDPOINT.twin} and {ENDPOINT.twin_model} must be set together")
    return endpoint


def _render_endpoint(endpoint: ServedEndpoint) -> dict[str, str]:
    """Return the inverse of `_read_endpoint`."""
    variables = {
        ENDPOINT.name: endpoint.name,
        ENDPOINT.component: endpoint.component,
        ENDPOINT.engine_model: endpoint.engine_model,
        ENDPOINT.mode: endpoint.mode,
        ENDPOINT.hold: f"{endpoint.hold_s:g}",
        ENDPOINT.time_limit: f"{endpoint.time_limit_s:g}",
        ENDPOINT.payload_limit: str(endpoint.payload_limit),
        ENDPOINT.twin: endpoint.twin_function,
        ENDPOINT.twin_model: endpoint.twin_model,
        ENDPOINT.captured: endpoint.captured,
    }
    return {name: value for name, value in variables.items() if value}


def _read_node_endpoints(text: str) -> Mapping[str, ServedEndpoint]:
    """Read `{"model": {"LADING_ENDPOINT": "name", ...}}`, with the variables of one endpoint."""
    try:
        found = {name: _read_endpoint(entry) for name, entry in json.loads(text).items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"{ENDPOINT.of_nodes} must be a JSON object: {error}") from error
    return {str(name): endpoint for name, endpoint in found.items() if endpoint}


def _render_node_endpoints(endpoints: Mapping[str, ServedEndpoint]) -> dict[str, str]:
    """Return the inverse of `_read_node_endpoints`."""
    documents = {name: _render_endpoint(endpoint) for name, endpoint in endpoints.items()}
    return {ENDPOINT.of_nodes: json.dumps(documents, separators=(",", ":"))}


def _read_shadow(environment: Mapping[str, str]) -> ShadowVersion | None:
    function = environment.get(ENVIRONMENT.shadow, "")
    percent = _number(environment, ENVIRONMENT.shadow_percent, 0, 100)
    return ShadowVersion(function, percent) if function and percent else None


def _render_shadow(shadow: ShadowVersion) -> dict[str, str]:
    """Return the inverse of `_read_shadow`."""
    return {ENVIRONMENT.shadow: shadow.function, ENVIRONMENT.shadow_percent: f"{shadow.percent:g}"}


def _read_capture(environment: Mapping[str, str]) -> "CaptureSettings | None":
    if not environment.get(CAPTURE.place):
        return None
    from lading.functions.contract.capture import read_capture

    return read_capture(environment)


def _read_jobs(environment: Mapping[str, str]) -> JobsPlace | None:
    bucket, table = environment.get(JOBS.bucket, ""), environment.get(JOBS.table, "")
    if bool(bucket) != bool(table):
        raise ValueError(f"{JOBS.bucket} and {JOBS.table} must be set together")
    name = environment.get("AWS_LAMBDA_FUNCTION_NAME", "")
    function = f"{name}:{environment.get('AWS_LAMBDA_FUNCTION_VERSION', '')}" if name else ""
    owner = environment.get(JOBS.owner, "")
    return JobsPlace(bucket, table, function, owner) if bucket else None


def _render_jobs(jobs: JobsPlace) -> dict[str, str]:
    """Return the inverse of `_read_jobs`; Lambda itself names the function."""
    owner = {JOBS.owner: jobs.owner} if jobs.owner else {}
    return {JOBS.bucket: jobs.bucket, JOBS.table: jobs.table, **owner}


def _render_drift(seconds: float) -> dict[str, str]:
    usual = seconds == ENVIRONMENT.default_drift_s
    return {} if usual else {ENVIRONMENT.drift: f"{seconds:g}"}


def _number(environment: Mapping[str, str], name: str, default: float, most: float) -> float:
    text = environment.get(name) or str(default)
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= most:
        raise ValueError(f"{name} must be a number from 0 to {most:g}, got '{text}'")
    return number
