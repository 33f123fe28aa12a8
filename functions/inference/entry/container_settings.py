"""Settings of the container, each read from the environment in one place."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lading.functions.contract.names import CAPTURE, CONTAINER, ENVIRONMENT
from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.attestation.verification import ANY, Trust
from lading.functions.inference.callers.limits import CallerLimits
from lading.functions.inference.entry.keep_alive import KEEP_ALIVE_SECONDS, MOST_KEEP_ALIVE_SECONDS
from lading.functions.inference.entry.numbers import number_of, port_of
from lading.functions.inference.entry.processors import processors
from lading.functions.inference.lanes.limits import LaneLimits

_MOST_WORKERS = 256


@dataclass(frozen=True, slots=True)
class ContainerSettings:
    """Settings of the container: where to listen, the largest body, and what to serve."""

    service: ServingSettings
    """If it names no models, those in `model_folder` are served."""
    model_folder: Path
    port: int = CONTAINER.default_port
    grpc_port: int = 0
    """0: gRPC is not served."""
    explicit: bool = False
    """Whether callers may load and unload models."""
    management_port: int = 0
    """0: TorchServe's management API is not served."""
    management_host: str = CONTAINER.default_management_host
    management_token: str = field(default="", repr=False)
    """What callers of the management API must send."""
    multi_model: bool = False
    host: str = CONTAINER.default_host
    keep_alive_s: int = KEEP_ALIVE_SECONDS
    lanes: LaneLimits = field(default_factory=LaneLimits)
    trust: Trust = ANY
    """Which signatures of models are accepted."""
    callers: CallerLimits = field(default_factory=CallerLimits)
    workers: int = 1
    """Processes that share the port and the models; of several, each has one thread for a model."""
    longest_run_s: int = CONTAINER.default_longest_run_s
    """Seconds after which a run of a model counts as one that never ends: it is not ready then."""
    metric_names: tuple[str, ...] = ()
    """Other servers whose names `/metrics` has too."""
    traces: str = ""
    """URL of a collector of OpenTelemetry's traces; empty: there are no traces."""
    pages: bool = True
    """Whether browsers get pages: `/ui` and `/docs`."""
    longest_load_s: int = CONTAINER.default_longest_load_s
    """Seconds that loading a model may take while others wait for their turn."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "ContainerSettings":
        """Read the variables named in `contract.CONTAINER` and `contract.ENVIRONMENT`.

        Raises:
            ValueError: a variable cannot be read; the text names it.
        """
        multi_model = environment.get(CONTAINER.multi_model, "false").lower() == "true"
        usual = CONTAINER.multi_model_folder if multi_model else CONTAINER.model_folder
        folder = environment.get(ENVIRONMENT.model_root, usual)
        mode = environment.get(CONTAINER.model_control, "none")
        if mode not in ("none", "explicit"):
            raise ValueError(f"{CONTAINER.model_control} must be none or explicit, got '{mode}'")
        service = ServingSettings.from_environment({**environment, ENVIRONMENT.model_root: folder})
        _require_feedback_token(service)
        workers = _workers(environment, service.threads)
        return cls(
            service if workers == 1 else service._replace(threads=1),
            Path(folder),
            port_of(environment, CONTAINER.port, CONTAINER.default_port),
            grpc_port=port_of(environment, CONTAINER.grpc_port, 0),
            explicit=mode == "explicit",
            management_port=port_of(environment, CONTAINER.management_port, 0),
            management_host=environment.get(CONTAINER.management_host)
            or CONTAINER.default_management_host,
            management_token=_management_token(environment),
            multi_model=multi_model,
            host=environment.get(CONTAINER.host) or CONTAINER.default_host,
            keep_alive_s=_keep_alive(environment),
            lanes=_lanes(environment, workers),
            trust=_trust(environment),
            callers=_callers(environment),
            metric_names=_metric_names(environment),
            traces=environment.get(CONTAINER.traces, ""),
            workers=workers,
            pages=environment.get(CONTAINER.pages, "true").lower() == "true",
            longest_run_s=number_of(
                environment, CONTAINER.longest_run, CONTAINER.default_longest_run_s
            ),
            longest_load_s=number_of(
                environment, CONTAINER.longest_load, CONTAINER.default_longest_load_s
            ),
        )


def _require_feedback_token(service: ServingSettings) -> None:
    """Refuse to accept truths of anybody: a container does not know its callers."""
    if service.capture is not None and service.capture.feedback and not service.capture.token:
        raise ValueError(
            f"{CAPTURE.token} must be set where {CAPTURE.feedback} is true; create a token with "
            "'openssl rand -hex 32'"
        )


def _trust(environment: Mapping[str, str]) -> Trust:
    """Return which signatures are accepted; a key makes them required unless that is stated."""
    mode = environment.get(CONTAINER.signatures) or None
    paths = [path for path in environment.get(CONTAINER.signature_keys, "").split(":") if path]
    if mode is None and not paths:
        return ANY
    from lading.functions.inference.attestation.trusted_keys import trust_of

    return trust_of(mode, map(Path, paths))


def _lanes(environment: Mapping[str, str], workers: int) -> LaneLimits:
    """Read the limits of the queue in each worker, each limit from its own variable."""
    usual = LaneLimits()
    stated = {
        limit: number_of(environment, variable, getattr(usual, limit))
        for limit, variable in CONTAINER.lane_limits.items()
    }
    threads = number_of(environment, CONTAINER.threads, max(1, processors() // workers))
    return LaneLimits(**stated, threads=threads)


def _metric_names(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Read the other servers whose names the metrics have too."""
    stated = environment.get(CONTAINER.metric_names, "")
    names = tuple(name.strip() for name in stated.split(",") if name.strip())
    for name in names:
        if name not in CONTAINER.metric_servers:
            known = ", ".join(CONTAINER.metric_servers)
            raise ValueError(f"{CONTAINER.metric_names} must be some of {known}, got '{name}'")
    return names


def _callers(environment: Mapping[str, str]) -> CallerLimits:
    """Read the limits on callers, each from its own variable."""
    usual = CallerLimits()
    stated = {
        limit: number_of(environment, variable, getattr(usual, limit))
        for limit, variable in CONTAINER.caller_limits.items()
    }
    body = number_of(environment, CONTAINER.longest_body, CONTAINER.default_longest_body)
    grace = number_of(environment, CONTAINER.grace, CONTAINER.grace_seconds)
    linger = number_of(environment, CONTAINER.linger, CONTAINER.linger_seconds, least=0)
    if linger >= grace:
        raise ValueError(
            f"{CONTAINER.linger} must be less than {CONTAINER.grace}, got {linger} and {grace}: "
            "the grace includes it"
        )
    return CallerLimits(**stated, longest_body=body, grace_s=grace, linger_s=linger)


def _workers(environment: Mapping[str, str], threads: int) -> int:
    """Return the number of workers, each of which has one thread for a model."""
    workers = number_of(environment, CONTAINER.workers, 1)
    if workers > _MOST_WORKERS:
        raise ValueError(f"{CONTAINER.workers} must be at most {_MOST_WORKERS}, got {workers}")
    if workers > 1 and threads > 1:
        raise ValueError(
            f"{ENVIRONMENT.threads} must be 1 if {CONTAINER.workers} is above 1, got {threads}: "
            "a model has one thread in each worker"
        )
    return workers


def _keep_alive(environment: Mapping[str, str]) -> int:
    seconds = number_of(environment, CONTAINER.keep_alive, KEEP_ALIVE_SECONDS)
    if seconds > MOST_KEEP_ALIVE_SECONDS:
        raise ValueError(
            f"{CONTAINER.keep_alive} must be at most {MOST_KEEP_ALIVE_SECONDS}, got {seconds}"
        )
    return seconds


def _management_token(environment: Mapping[str, str]) -> str:
    """Return the token of the management API, which has none only if it is not served."""
    token = environment.get(CONTAINER.management_token, "")
    if port_of(environment, CONTAINER.management_port, 0) and len(token) < CONTAINER.shortest_token:
        raise ValueError(
            f"{CONTAINER.management_token} must have at least {CONTAINER.shortest_token} "
            f"characters where {CONTAINER.management_port} is set; create one with "
            "'openssl rand -hex 32'"
        )
    return token
