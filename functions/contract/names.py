"""Names that the service, its stacks and its callers share; standard library only."""

import sys
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

VERSION = "0.1.0"
"""The version of Lading."""

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"
"""The name of a model or a label: safe in a URL, a file name and a CloudWatch dimension."""

DEFAULT_LABEL = "stable"
"""The label whose version answers when a request names none."""

VERSION_HEADER: Final = "lading-version"
"""Of a model of which several versions answer: in a request the version that must answer, if its
path states none; in an answer the version that answered."""

LAYER_ROOT = "/opt"
"""Where Lambda unpacks layers."""

Library = Literal["lightgbm", "litert", "pillow", "skops", "tokenizers", "xgboost"]
"""A library of a processing step, or of a model that is not converted: it has requirements of this
name, and a separate layer."""


def in_layers(path: Path) -> Path:
    """Return the place on this machine of a path below `LAYER_ROOT`.

    On Lambda it is the path itself. An emulator that cannot write to `/opt` mounts each layer in a
    separate folder, and puts that folder, or `python` in it, on `sys.path`.
    """
    if path.exists() or not path.is_relative_to(LAYER_ROOT):
        return path
    below = path.relative_to(LAYER_ROOT)
    mounts = (Path(it).parent if Path(it).name == "python" else Path(it) for it in sys.path)
    return next((mount / below for mount in mounts if (mount / below).exists()), path)


def artifact_folder(name: str, version: int) -> str:
    """Return the path of a version in a store, a layer or a container: `models/<name>/<n>`."""
    return f"models/{name}/{version}"


def artifact_archive(name: str, version: int) -> str:
    """Return the key of a version below a store's prefix in S3: a zip of its `artifact_folder`."""
    return f"{artifact_folder(name, version)}/artifact.zip"


def attestation_object(name: str, version: int, digest: str) -> str:
    """Return the key of a version's signature below a store's prefix in S3.

    `digest` is that of its artifact.json, as `sha256:<hex>`.
    """
    plain = digest.removeprefix("sha256:")
    return f"models/{name}/attestations/{version}-{plain}.json"


def model_object(name: str) -> dict[str, str | int]:
    """OpenAI's model object; `created` is 0, because artifacts have no time of creation."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "lading"}


def model_list(names: Iterable[str]) -> dict[str, object]:
    """OpenAI's list of models."""
    return {"object": "list", "data": [model_object(name) for name in names]}


class S3Object(NamedTuple):
    """One version of an object in S3, which later writes to its key do not change.

    Args:
        bucket: its bucket.
        key: its key.
        version_id: its version.
        owner: the account that the bucket must belong to; empty: any.
    """

    bucket: str
    key: str
    version_id: str
    owner: str = ""


def expected_owner(account: str) -> dict[str, str]:
    """Return the parameter with which S3 refuses a bucket of another account; none without one."""
    return {"ExpectedBucketOwner": account} if account else {}


class ENVIRONMENT:
    """Names of the environment variables that the inference service reads."""

    models: Final = "LADING_MODELS"
    model_root: Final = "LADING_MODEL_ROOT"
    threads: Final = "LADING_THREADS"
    log_level: Final = "LADING_LOG_LEVEL"
    stage: Final = "LADING_STAGE"
    """The deployment's stage, as `lading-dev`: a dimension of its metrics; empty for none."""
    base_path: Final = "LADING_BASE_PATH"
    """The base path of the API's custom domain, without slashes; empty for none."""
    allow_code: Final = "LADING_ALLOW_CODE"
    """`true` if code in an artifact may run that no lock pins; only then."""
    drift: Final = "LADING_DRIFT"
    """Seconds between the lines with counts of inputs and answers; 0 if they are not counted."""
    default_drift_s: Final = 60
    shadow: Final = "LADING_SHADOW"
    """Function and alias, `name:alias`, of a version that answers in the shadow; empty for none."""
    shadow_percent: Final = "LADING_SHADOW_PERCENT"
    """Share of the predictions that it gets, in percent."""
    note_answers: Final = "LADING_NOTE_ANSWERS"
    """`true` if log lines say class and score of an answer's first row, for a judge of versions."""
    cors: Final = "LADING_CORS"
    """Origins whose pages may call the service, separated by commas, or `*`; empty for none."""


class ENDPOINT:
    """Environment variables of a proxy function: which SageMaker endpoint answers, and how."""

    name: Final = "LADING_ENDPOINT"
    variant: Final = "main"
    """The only production variant of every endpoint, deployed or emulated: an update must find it
    under the same name."""
    shadow: Final = "shadow"
    """The shadow variant, if there is one; it gets copies of requests."""
    captured: Final = "LADING_ENDPOINT_CAPTURED"
    """The folder of captured answers in the bucket of jobs, `captures/3-4/`, after the version that
    serves and the one in its shadow; empty: there is none. Each request then gets an id."""
    model_version: Final = "LADING_MODEL_VERSION"
    """Of the model's container: its version in the lock, by which a judge names its figures."""
    component: Final = "LADING_ENDPOINT_COMPONENT"
    """The inference component on the endpoint; empty where the endpoint holds the model itself."""
    engine_model: Final = "LADING_ENGINE_MODEL"
    """The model's name in its engine; empty where the engine's requests name no model."""
    mode: Final = "LADING_ENDPOINT_MODE"
    """`steady`, `scale_to_zero` or `async`."""
    hold: Final = "LADING_ENDPOINT_HOLD"
    """Seconds, at most 25, that a request waits for an endpoint that starts from zero."""
    time_limit: Final = "LADING_ENDPOINT_TIME_LIMIT"
    """Seconds to wait for an answer, or for the next part of a streamed answer."""
    payload_limit: Final = "LADING_ENDPOINT_PAYLOAD_LIMIT"
    """The longest request in bytes that SageMaker accepts."""
    twin: Final = "LADING_TWIN_FUNCTION"
    """Function and alias, `name:alias`, of the smaller model that answers until then."""
    twin_model: Final = "LADING_TWIN_MODEL"
    """That model's name."""
    of_nodes: Final = "LADING_NODE_ENDPOINTS"
    """The endpoints of a graph's models: a JSON object, model -> these variables of its own."""


class JOBS:
    """Asynchronous jobs and idempotent requests: environment variables, empty where not used."""

    bucket: Final = "LADING_JOBS_BUCKET"
    table: Final = "LADING_JOBS_TABLE"
    """Where asynchronous jobs and their states are stored."""
    owner: Final = "LADING_JOBS_OWNER"
    """The account that the bucket must belong to; one of the same name elsewhere is refused."""
    idempotency_table: Final = "LADING_IDEMPOTENCY_TABLE"
    """Where answers to requests with an `Idempotency-Key` are stored."""

    id: Final = "id"
    """The partition key of both tables, a string."""
    expires: Final = "expiration"
    """The time-to-live attribute of both, a number: seconds since 1970."""
    inputs: Final = "inputs/"
    results: Final = "results/"
    failures: Final = "failures/"
    captures: Final = "captures/"
    """Prefixes in the bucket; SageMaker itself writes below the last three."""


class CAPTURE:
    """Variables of the capture of requests (`contract.capture`), and the names of its metrics."""

    place: Final = "LADING_CAPTURE"
    """A folder, or `s3://bucket/prefix`; not set: nothing is captured."""
    share: Final = "LADING_CAPTURE_SHARE"
    """The share of requests, above 0 and up to 1."""
    fields: Final = "LADING_CAPTURE_FIELDS"
    """Names of the inputs and outputs that are kept, with commas; empty: all."""
    key: Final = "LADING_CAPTURE_KEY"
    owner: Final = "LADING_CAPTURE_OWNER"
    """The account that the bucket must belong to."""
    feedback: Final = "LADING_FEEDBACK"
    """`true` if truths are accepted."""
    token: Final = "LADING_FEEDBACK_TOKEN"  # noqa: S105 a name
    """The token that callers with truths must send to a container."""
    shortest_token: Final = 16
    captured: Final = "Captured"
    lost: Final = "CaptureLost"
    """Metrics: requests that were captured, and that should have been."""
    rows: Final = "FeedbackRows"
    correct: Final = "FeedbackCorrect"
    labeled: Final = "FeedbackLabeled"
    error: Final = "FeedbackAbsoluteError"
    """Metrics: rows whose truth is known, those of classes and the correct ones of them, and the
    sum of the absolute errors of numbers."""


class CALLER:
    """How the caller of a request is named, where a gateway or an application has verified it."""

    scope: Final = "lading.caller"
    """The key of the ASGI scope in which an application around the service may name the caller."""
    context: Final = "ladingCaller"
    """The key of `requestContext` in events that a function sends to itself for its caller."""
    tenant: Final = "tenant/"
    principal: Final = "iam/"
    application: Final = "application/"
    """Prefixes of the names of tenants, of IAM's principals, and of an application's callers."""


class CONTAINER:
    """Environment variables of a container, and the places where SageMaker puts models."""

    host: Final = "LADING_HOST"
    """The address to listen on; `::` for every address of IPv6 and IPv4."""
    default_host: Final = "0.0.0.0"  # noqa: S104 the container's own network
    port: Final = "SAGEMAKER_BIND_TO_PORT"
    default_port: Final = 8080
    workers: Final = "LADING_WORKERS"
    """Processes that share the port and the models; 1 if it is not set."""
    keep_alive: Final = "LADING_KEEP_ALIVE"
    """Seconds that an idle connection stays open; more than the proxy in front allows."""
    grpc_port: Final = "LADING_GRPC_PORT"
    """The port of gRPC; 0 or not set for none."""
    mounts: Final = "/opt/ml"
    """Where SageMaker mounts what it gives to a container."""
    model_folder: Final = "/opt/ml/model"
    longest_body: Final = "LADING_LONGEST_BODY"
    model_control: Final = "LADING_MODEL_CONTROL"
    """`explicit` if callers may load and unload models, as in Triton; `none` if not."""
    management_port: Final = "LADING_MANAGEMENT_PORT"
    """The port of TorchServe's management API, 8081 in TorchServe; 0 for none."""
    signatures: Final = "LADING_SIGNATURES"
    """`required`, `warn` or `off`: what happens to a model without a valid signature."""
    signature_keys: Final = "LADING_SIGNATURE_KEYS"
    """Files of the trusted public keys in PEM, separated by colons."""
    management_host: Final = "LADING_MANAGEMENT_HOST"
    default_management_host: Final = "127.0.0.1"
    """The address that it listens on: this machine's own, unless another is set."""
    management_token: Final = "LADING_MANAGEMENT_TOKEN"  # noqa: S105 a name
    """The token that its callers must send; required with the port."""
    shortest_token: Final = 16
    """Characters of that token; a shorter one could be guessed."""
    multi_model: Final = "SAGEMAKER_MULTI_MODEL"
    """`true` where SageMaker requests which models to load, from `multi_model_folder`."""
    multi_model_folder: Final = "/opt/ml/models"
    grace: Final = "LADING_GRACE"
    grace_seconds: Final = 25
    """Seconds from SIGTERM to the end; SageMaker and ECS kill 30 seconds after SIGTERM."""
    linger: Final = "LADING_LINGER"
    linger_seconds: Final = 3
    """Of these, seconds in which connections are still accepted and kept, until every load balancer
    knows that the server is not ready."""
    caller_limits: Final = MappingProxyType(
        {
            "head_s": "LADING_HEAD_SECONDS",
            "body_s": "LADING_BODY_SECONDS",
            "slowest": "LADING_SLOWEST_BODY",
            "most_connections": "LADING_MOST_CONNECTIONS",
            "spare_descriptors": "LADING_SPARE_DESCRIPTORS",
            "most_calls": "LADING_MOST_CALLS",
            "idle_stream_s": "LADING_IDLE_STREAM_SECONDS",
        }
    )
    """Limits on callers, by their names in the server -> their variables."""
    metric_names: Final = "LADING_METRIC_NAMES"
    metric_servers: Final = ("triton", "tensorflow-serving", "torchserve")
    """Servers whose names of metrics `/metrics` can have too, separated by commas."""
    traces: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
    """The collector of OpenTelemetry's traces, `http://host:4318`; the SDK's own name for it."""
    pages: Final = "LADING_PAGES"
    """`false` serves no pages for browsers: neither `/ui` nor `/docs`."""
    longest_run: Final = "LADING_LONGEST_RUN"
    default_longest_run_s: Final = 120
    """Seconds of a run of a model, above which the server is not ready: it may never end."""
    longest_load: Final = "LADING_LONGEST_LOAD"
    default_longest_load_s: Final = 600
    """Seconds that loading a model may take before the next request to load has its turn."""
    lane_limits: Final = MappingProxyType(
        {
            "most_waiting": "LADING_MOST_WAITING",
            "most_waiting_in_all": "LADING_MOST_WAITING_IN_ALL",
            "most_bytes": "LADING_MOST_BYTES",
            "most_bytes_in_all": "LADING_MOST_BYTES_IN_ALL",
            "most_rows": "LADING_MOST_ROWS",
            "most_of_a_caller": "LADING_MOST_OF_A_CALLER",
        }
    )
    """Limits of the queue of requests, by their names in the server -> their variables."""
    threads: Final = "LADING_PREDICTIONS_AT_ONCE"
    """Predictions of one model at the same time; one for each processor by default."""
    default_longest_body: Final = 32 * 1024 * 1024
    """Bytes: half of what Triton accepts by default. JSON takes up to four times its size."""


class ADAPTER:
    """The Lambda Web Adapter, with which a function streams its answers."""

    handler: Final = "lading/functions/inference/entry/serve.sh"
    port: Final = "AWS_LWA_PORT"
    default_port: Final = 8080
    ready_path: Final = "/v2/health/live"
    """The path that the adapter asks until the process answers."""
    before_snapshot_path: Final = "/snapstart/before"
    after_restore_path: Final = "/snapstart/after"
    """The paths that the adapter posts to around a snapshot; it answers 403 to callers of them."""
    context_header: Final = "x-amzn-request-context"
    """The header with API Gateway's context of a request; it replaces one that a caller sends."""
    separator: Final = bytes(8)
    """Separates the head of an answer, which is JSON, from its body in an invocation's result."""


class MANAGED:
    """An environment on Lambda Managed Instances, which answers several requests at once."""

    at_once: Final = "AWS_LAMBDA_MAX_CONCURRENCY"
    """How many; Lambda sets it, and its runtime starts a process of the handler for each."""
    require_gpu: Final = "LADING_REQUIRE_GPU"
    """`true` in an image with CUDA: its engine does not start where no GPU answers."""
    entry: Final = "lading.functions.inference.entry.managed_environment"
    """What an image starts: the engine, which has the models, and then Lambda's runtime."""
    handler: Final = "lading.functions.inference.entry.managed_handler.handler"
    """The handler of an image, which passes each event on to the engine."""


class FRONT:
    """Environment variables of the front function."""

    prefix: Final = "LADING_FUNCTION_PREFIX"
    """The prefix of every model's function name."""
    models: Final = "LADING_FUNCTIONS"
    """`digits,my.model=my-model-1f0c...`: models, and their functions without the prefix."""
    alias: Final = "LADING_ALIAS"
    checked: Final = "LADING_HEALTH_MODELS"
    """Models that `GET /health/predict` is about, with commas; not set: no such path."""


HEALTH_PATH: Final = "/health/predict"
"""The public health check of an API, where a stage has one."""


class HOOK:
    """Environment variables of the traffic hook, and the mark of its requests."""

    model: Final = "LADING_MODEL"
    version: Final = "LADING_VERSION"
    """The version that the function under test serves."""
    function: Final = "LADING_FUNCTION"
    request_id: Final = "traffic-hook"
    """`requestContext.requestId` of its requests: callers cannot set it, and API Gateway's own are
    UUIDs."""
    golden: Final = "LADING_GOLDEN"
    """The place of the golden requests: a path, or `s3://bucket/key`."""
    owner: Final = "LADING_GOLDEN_OWNER"
    """The account that the bucket must belong to; empty: any."""
    beside: Final = "LADING_GOLDEN_BESIDE"
    """The other versions that the function serves: a JSON object, version -> [place of its golden
    requests, owner of the bucket]."""
    layer: Final = "LADING_LAYER"
    """ARN of a layer version of another publisher; empty: there is none to compare."""
    layer_sha256: Final = "LADING_LAYER_SHA256"
    """The SHA-256 of its zip in base64, as Lambda gives it."""


class TOKENS:
    """Bearer tokens: their pattern, their table's attributes, and the authorizer's variable."""

    pattern: Final = r"lading_[A-Za-z0-9_-]{43}"
    every_model: Final = "*"
    table: Final = "LADING_TOKEN_TABLE"
    """The environment variable with the table's name."""
    api: Final = "LADING_API"
    """The environment variable with the API's name."""
    planned: Final = "LADING_TENANTS"
    """The environment variable with the tenants that have a plan of their own, with commas."""

    digest: Final = "digest"
    """The partition key: the token's SHA-256 in hexadecimal. The token itself is not stored."""
    tenant: Final = "tenant"
    models: Final = "models"
    usage_key: Final = "usage_key"
    """The tenant's key in the usage plan that all tenants share; it is no bearer token."""
    created: Final = "created"
    expires: Final = "expires"
    """The table's time-to-live attribute, a number: seconds since 1970."""
    revoked: Final = "revoked"
    scopes: Final = "scopes"
    """What the token is for: some of the next two. Items without it are for predictions."""
    predict: Final = "predict"
    feedback: Final = "feedback"
    """Truths about answers, and nothing else."""


class DRIFT:
    """The scheduled function that judges drift: its environment variables, and its metrics."""

    functions: Final = "LADING_DRIFT_FUNCTIONS"
    """Names of the models' functions, separated by commas, whose logs it reads."""
    window: Final = "LADING_DRIFT_WINDOW"
    """Seconds of a window."""
    large: Final = "LADING_DRIFT_PSI"
    """The population stability index from which a shift matters."""
    features: Final = "DriftingFeatures"
    largest: Final = "LargestPSI"
    missing: Final = "LargestMissingShare"
    outside: Final = "LargestOutsideShare"
    """Metrics of a model, by `model` and `stage`."""
    feature: Final = "FeaturePSI"
    """The metric of one feature that drifts."""


def usage_key(api: str, tenant: str, *, own_plan: bool) -> str:
    """Return the key by which API Gateway counts the calls of a tenant; it opens nothing.

    All tokens of a tenant have the same, so a second token does not double what the tenant may do.

    Args:
        api: the API's name.
        tenant: the name that the tenant's tokens were created with.
        own_plan: whether it is the key of the tenant's own plan, or of the one that all share.
    """
    plan = "own" if own_plan else "shared"
    return sha256(f"{api}\n{plan}\n{tenant}".encode()).hexdigest()


def function_log(function: str) -> str:
    """Return the name of the log group of a function."""
    return f"/aws/lambda/{function}"


def access_log(api: str) -> str:
    """Return the name of the log group of an API's accesses."""
    return f"/aws/apigateway/{api}"


class METRICS:
    """Names in CloudWatch: one namespace, its dimensions, counts and milliseconds."""

    namespace: Final = "Lading"
    service: Final = "inference"
    dimensions: Final = ("model", "version", "dialect")
    stage: Final = "stage"
    """A fourth dimension where the settings name a stage; stages of one account share the rest."""
    requests: Final = "Requests"
    client_errors: Final = "ClientErrors"
    server_errors: Final = "ServerErrors"
    cold_start: Final = "ColdStart"
    times: Final = MappingProxyType(
        {
            "total": "Latency",
            "queue": "QueueLatency",
            "decode": "DecodeLatency",
            "compute": "ComputeLatency",
            "encode": "EncodeLatency",
            "first": "FirstPartLatency",
        }
    )
    """Part of a request's time -> its metric; only a streamed answer has `first`, only a request
    that waited for a thread has `queue`."""
    sizes: Final = ("request_bytes", "response_bytes", "rows")
    """Fields of a request's log line; as metrics they would be paid for."""
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
    """Error -> the metric that counts it; it is written only when the error occurs."""
    waking: Final = "EndpointWaking"
    """Requests whose endpoint starts or is updated: a retry helps, so it is not a server error."""
    broken_streams: Final = "BrokenStreams"
    twin_answers: Final = "TwinAnswers"
    of_function: Final = (("function_name",), ("function_name", "function_version"))
    """Dimensions of the counts that alarms read: a stage's function, and one version of it."""
    function_counts: Final = (requests, server_errors, cold_start)
