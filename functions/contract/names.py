"""What the service, its stacks and its callers must agree on; standard library only.

The routes stand beside it, in `routes`.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

VERSION = "0.1.0"
"""Lading's own version."""

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"
"""A model's or a label's name: safe in a URL, a file name and a CloudWatch dimension."""

DEFAULT_LABEL = "stable"
"""The label whose version answers when a request names none."""


LAYER_ROOT = "/opt"
"""Where Lambda unpacks layers."""

Library = Literal["pillow", "tokenizers"]
"""What a processing step may need beside the runtime layer: a set of requirements, of this name,
and a layer of its own."""


def in_layers(path: Path) -> Path:
    """Where a path below `LAYER_ROOT` lies on this machine.

    There, on Lambda. An emulator that cannot write to `/opt` mounts each layer in a folder of its
    own, and puts that, or what is named `python` in it, on `sys.path`.
    """
    if path.exists() or not path.is_relative_to(LAYER_ROOT):
        return path
    below = path.relative_to(LAYER_ROOT)
    mounts = (Path(it).parent if Path(it).name == "python" else Path(it) for it in sys.path)
    return next((mount / below for mount in mounts if (mount / below).exists()), path)


def artifact_folder(name: str, version: int) -> str:
    """Path of a version below the root of a store, a layer or a container: `models/<name>/<n>`."""
    return f"models/{name}/{version}"


def artifact_archive(name: str, version: int) -> str:
    """Key of a version below a store's prefix in S3: one zip that holds `artifact_folder`."""
    return f"{artifact_folder(name, version)}/artifact.zip"


def model_object(name: str) -> dict[str, str | int]:
    """OpenAI's model object; an artifact has no time, for the same input gives the same bytes."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "lading"}


def model_list(names: Iterable[str]) -> dict[str, object]:
    """OpenAI's list of models."""
    return {"object": "list", "data": [model_object(name) for name in names]}


@dataclass(frozen=True, slots=True)
class S3Object:
    """One version of an object, which stays what it is whatever is written to its key later."""

    bucket: str
    key: str
    version_id: str


class ENVIRONMENT:
    """Names of the environment variables that the inference service reads."""

    models: Final = "LADING_MODELS"
    model_root: Final = "LADING_MODEL_ROOT"
    threads: Final = "LADING_THREADS"
    log_level: Final = "LADING_LOG_LEVEL"
    cors: Final = "LADING_CORS"
    """Origins whose pages may ask, between commas, or `*`; none when it is empty."""


class ENDPOINT:
    """Environment names that tell a proxy function which SageMaker endpoint answers, and how."""

    name: Final = "LADING_ENDPOINT"
    variant: Final = "main"
    """The only production variant of every endpoint, deployed or emulated: an update must find it
    under the same name."""
    component: Final = "LADING_ENDPOINT_COMPONENT"
    """The inference component on it; empty where the endpoint holds the model itself."""
    engine_model: Final = "LADING_ENGINE_MODEL"
    """The name under which a language model's engine knows it; empty: requests name none there."""
    mode: Final = "LADING_ENDPOINT_MODE"
    """`steady`, `scale_to_zero` or `async`."""
    hold: Final = "LADING_ENDPOINT_HOLD"
    """Seconds, at most 25, that a request waits for an endpoint that is waking."""
    time_limit: Final = "LADING_ENDPOINT_TIME_LIMIT"
    """Seconds that an answer, or the next part of a streamed one, is waited for."""
    payload_limit: Final = "LADING_ENDPOINT_PAYLOAD_LIMIT"
    """Bytes of the longest request that SageMaker passes on."""
    twin: Final = "LADING_TWIN_FUNCTION"
    """Function and alias, `name:alias`, of the smaller model that answers meanwhile."""
    twin_model: Final = "LADING_TWIN_MODEL"
    """That model's name."""


class JOBS:
    """Long work and repeated work: environment names, all empty where there is none of it."""

    bucket: Final = "LADING_JOBS_BUCKET"
    table: Final = "LADING_JOBS_TABLE"
    """Where asynchronous jobs lie, and their states."""
    idempotency_table: Final = "LADING_IDEMPOTENCY_TABLE"
    """Where answers to requests with an `Idempotency-Key` are kept."""

    id: Final = "id"
    """Partition key of both tables, a string."""
    expires: Final = "expiration"
    """Seconds since 1970, a number: the time-to-live attribute of both."""
    inputs: Final = "inputs/"
    results: Final = "results/"
    failures: Final = "failures/"
    """Prefixes in the bucket; SageMaker itself writes below the latter two."""


class CONTAINER:
    """What a container is told by SageMaker or by who runs it, and where SageMaker puts a model."""

    host: Final = "LADING_HOST"
    """The address that is listened on: `::` for every one of IPv6 and IPv4."""
    default_host: Final = "0.0.0.0"  # noqa: S104 the container's own network
    port: Final = "SAGEMAKER_BIND_TO_PORT"
    default_port: Final = 8080
    keep_alive: Final = "LADING_KEEP_ALIVE"
    """Seconds that an idle connection stays open; more than the proxy before it keeps its own."""
    grpc_port: Final = "LADING_GRPC_PORT"
    """Where gRPC is spoken; nowhere when it is 0 or not set."""
    model_folder: Final = "/opt/ml/model"
    longest_body: Final = "LADING_LONGEST_BODY"
    model_control: Final = "LADING_MODEL_CONTROL"
    """`explicit` lets callers load and unload, as Triton's `--model-control-mode`; else `none`."""
    management_port: Final = "LADING_MANAGEMENT_PORT"
    """Port of TorchServe's management API, 8081 there; 0 for none."""
    multi_model: Final = "SAGEMAKER_MULTI_MODEL"
    """`true` where SageMaker says which models are loaded, from below `multi_model_folder`."""
    multi_model_folder: Final = "/opt/ml/models"
    grace_seconds: Final = 25
    """How long requests under way may take to end; SageMaker kills 30 seconds after SIGTERM."""
    default_longest_body: Final = 64 * 1024 * 1024
    """Bytes: Triton's own `--http-max-input-size`."""


class ADAPTER:
    """The Lambda Web Adapter, and the function behind it whose answers stream."""

    handler: Final = "lading/functions/inference/entry/serve.sh"
    port: Final = "AWS_LWA_PORT"
    default_port: Final = 8080
    separator: Final = bytes(8)
    """Between an answer's head, which is JSON, and its body, in what an invocation returns."""


class FRONT:
    """What the front function is told: environment names, and how models are listed in them."""

    prefix: Final = "LADING_FUNCTION_PREFIX"
    """Start of every model's function name."""
    models: Final = "LADING_FUNCTIONS"
    """`digits,my.model=my-model-1f0c...`: a function's name after the prefix, where it differs."""
    alias: Final = "LADING_ALIAS"


class HOOK:
    """Environment names of the traffic hook: whose roll-out, and what must be answered."""

    model: Final = "LADING_MODEL"
    version: Final = "LADING_VERSION"
    """The model's version that the function under test serves."""
    function: Final = "LADING_FUNCTION"
    golden: Final = "LADING_GOLDEN"
    """Where the golden requests are: a path, or `s3://bucket/key`."""


class TOKENS:
    """Bearer tokens: their form, the table's attributes, and what the authorizer is told."""

    pattern: Final = r"lading_[A-Za-z0-9_-]{43}"
    every_model: Final = "*"
    table: Final = "LADING_TOKEN_TABLE"
    """Environment name of the table's name."""

    digest: Final = "digest"
    """Partition key, a string: the token's SHA-256 in hexadecimal. The token is kept nowhere."""
    tenant: Final = "tenant"
    models: Final = "models"
    usage_key: Final = "usage_key"
    """Value of the tenant's key in the usage plan; no bearer token, and worth nothing as one."""
    created: Final = "created"
    expires: Final = "expires"
    """Seconds since 1970, a number: also the table's time-to-live attribute."""
    revoked: Final = "revoked"


class METRICS:
    """CloudWatch names: one namespace, three dimensions, milliseconds and counts."""

    namespace: Final = "Lading"
    service: Final = "inference"
    dimensions: Final = ("model", "version", "dialect")
    requests: Final = "Requests"
    client_errors: Final = "ClientErrors"
    server_errors: Final = "ServerErrors"
    cold_start: Final = "ColdStart"
    times: Final = MappingProxyType(
        {
            "total": "Latency",
            "decode": "DecodeLatency",
            "compute": "ComputeLatency",
            "encode": "EncodeLatency",
            "first": "FirstPartLatency",
        }
    )
    """Of an exchange's parts; `first` is there when the answer was streamed."""
    faults: Final = MappingProxyType(
        {
            "Throttled": "Throttled",
            "TimedOut": "TimedOut",
            "EndpointUnready": "EndpointUnready",
            "PredictionFailed": "PredictionFailures",
            "RequestTooLarge": "RequestsTooLarge",
            "RefusedByEngine": "RefusedByEngine",
        }
    )
    """Error -> its count, which is there when there is something to count."""
    broken_streams: Final = "BrokenStreams"
    twin_answers: Final = "TwinAnswers"
    of_function: Final = (("function_name",), ("function_name", "function_version"))
    """Dimensions of the counts that alarms read on Lambda: stages apart, and a canary by itself."""
    function_counts: Final = (requests, server_errors, cold_start)
