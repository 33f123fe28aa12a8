"""The settings of stages.yaml, and the physical names that follow from them.

    service: lading
    owner: platform-team
    stages:
      dev: {}
      prod:
        regions: [eu-central-1, us-east-1]
        rollout: canary-10-percent-15-minutes

Without the file there are the stages `dev` and `prod`, with every default. Nothing here needs AWS
or the CDK.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from math import ceil
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from lading.functions.contract.limits import CLOUDFORMATION, GATEWAY, LAMBDA, SAGEMAKER
from lading.functions.contract.origins import read_origins
from lading.model_packaging.errors import ManifestError, likely
from lading.model_packaging.manifest.located_yaml import LocatedYaml
from lading.stacks.errors import SettingsError
from lading.stacks.stages.batch import BatchSettings
from lading.stacks.stages.capture import StageCapture
from lading.stacks.stages.concurrency import ProvisionedConcurrency, concurrency_conflicts
from lading.stacks.stages.delivery import Delivery
from lading.stacks.stages.domain import CustomDomain, domain_conflicts
from lading.stacks.stages.drift import DriftSettings
from lading.stacks.stages.judge import StageJudge, judge_conflicts
from lading.stacks.stages.managed import ManagedSettings
from lading.stacks.stages.retraining import Retraining
from lading.stacks.stages.sagemaker import SageMakerSettings, StageEntry
from lading.stacks.stages.sagemaker_rules import impossible
from lading.stacks.stages.shadow import ShadowSettings
from lading.stacks.stages.signatures import SignatureSettings
from lading.stacks.stages.split import SplitSettings
from lading.stacks.stages.watching import WatchingSettings

ALIAS = "live"
"""The alias of every model's function, which all callers use."""

PRODUCTION = "prod"

Auth = Literal["iam", "token", "none"]
RolloutName = Literal[
    "all-at-once",
    "canary-10-percent-5-minutes",
    "canary-10-percent-10-minutes",
    "canary-10-percent-15-minutes",
    "canary-10-percent-30-minutes",
    "linear-10-percent-every-1-minute",
    "linear-10-percent-every-2-minutes",
    "linear-10-percent-every-3-minutes",
    "linear-10-percent-every-10-minutes",
]
"""CodeDeploy's predefined configurations: one for each model would exceed its rate limits."""

RetentionDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653]
"""Values that CloudWatch Logs accepts."""

KeyArn = Annotated[str, Field(pattern=r"^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/\S+$")]

TenantName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]
_MOST_TENANTS = 100
"""API Gateway's limit for usage plans is 300, and a function's environment has 4 KB."""

ADDRESS_WINDOW_S = 300
"""Seconds over which the firewall counts the requests of one IP address."""
_LEAST_LIMIT, _MOST_LIMIT = 10, 2_000_000_000
"""Limits that a rule of the firewall accepts."""

_FINGERPRINT = 8


class OUTPUTS:
    """Keys of the stacks' outputs. Scripts read them, so they never change."""

    api_url: Final = "ApiUrl"
    artifact_bucket_name: Final = "ArtifactBucketName"
    pages_url: Final = "PagesUrl"
    dashboard_url: Final = "DashboardUrl"
    alarm_topic_arn: Final = "AlarmTopicArn"
    function_name: Final = "FunctionName"
    alias_arn: Final = "AliasArn"
    retraining_arn: Final = "RetrainingArn"
    retraining_queue: Final = "RetrainingQueue"


def _stage_name(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9]{0,15}", text):
        raise ValueError(f"must be 1 to 16 of a-z and 0-9, starting with a letter, not '{text}'")
    return text


def _origins(texts: tuple[str, ...]) -> tuple[str, ...]:
    return read_origins(",".join(texts))


class ModelSettings(StageEntry):
    """Settings of one model's function, or the defaults of all models."""

    memory_mb: int = Field(
        default=LAMBDA.processor_mb, ge=LAMBDA.least_memory_mb, le=LAMBDA.most_memory_mb
    )
    """Processors come in proportion."""
    timeout_s: int = Field(default=GATEWAY.timeout_s, ge=1, le=LAMBDA.timeout_s)
    """API Gateway waits no longer than the default, unless its quota is raised."""
    threads: int = Field(default=0, ge=0, le=LAMBDA.processors)
    """Threads of one prediction; 0: one for each processor that comes with the memory."""
    snap_start: bool = True
    """Whether versions start from a snapshot of the warm function (SnapStart)."""
    p99_ms: int = Field(default=1000, ge=1)
    """Objective for the p99 latency; the latency alarm uses it."""
    reserved_concurrency: int | None = Field(default=None, ge=1)
    """Concurrent executions that are reserved for this function, and its limit; None: neither."""
    provisioned_concurrency: ProvisionedConcurrency | None = None
    """Environments that Lambda keeps started; needs `snap_start: false`."""
    batch: BatchSettings | None = None
    """Batches by its function; None: none."""
    capture: StageCapture | None = None
    """A share of its requests that is kept, for labels and for other versions; None: none."""
    shadow: ShadowSettings | None = None
    """Another version that gets a share of the requests, and whose answers no caller sees."""
    split: SplitSettings | None = None
    """Versions that answer callers side by side; None: the stable one answers."""
    sagemaker: SageMakerSettings = SageMakerSettings()
    """Settings of its endpoint, if the model's target is SageMaker."""
    managed: ManagedSettings = ManagedSettings()
    """Settings of its function, if the model's target is Lambda Managed Instances."""

    def concurrency_conflicts(self) -> Iterator[str]:
        """Yield what Lambda does not accept together, and what to write instead."""
        if self.provisioned_concurrency is not None:
            yield from concurrency_conflicts(
                self.provisioned_concurrency, self.reserved_concurrency, snap_start=self.snap_start
            )


class Throttling(StageEntry):
    """Requests that the API accepts from all callers together."""

    rate: float = Field(default=100, gt=0)
    """Requests per second."""
    burst: int = Field(default=200, ge=1)
    requests_per_address: int | None = Field(default=None, ge=_LEAST_LIMIT, le=_MOST_LIMIT)
    """Requests of one IP address in five minutes, above which the firewall blocks it; None: twice
    what the API accepts."""

    @property
    def address_limit(self) -> int:
        """The firewall's limit; a caller that repeats throttled requests stays below it."""
        if self.requests_per_address is not None:
            return self.requests_per_address
        accepted = self.rate * ADDRESS_WINDOW_S
        return min(max(_LEAST_LIMIT, ceil(2 * accepted)), _MOST_LIMIT)


class Quota(StageEntry):
    """Requests of a tenant in a period, after which it gets 429 until the next period."""

    requests: int = Field(ge=1)
    per: Literal["day", "week", "month"] = "month"


class TenantPlan(StageEntry):
    """The usage plan of one tenant: what its tokens may do together."""

    rate: float = Field(gt=0)
    """Requests per second; more get 429."""
    burst: int = Field(ge=1)
    """Requests at once."""
    quota: Quota | None = None


class Alarms(StageEntry):
    """Who receives alarms, and when they go off."""

    email: str | None = Field(default=None, pattern=r"^[^@\s]+@[^@\s]+$")
    """Address that receives every alarm, once it has confirmed the subscription."""
    error_rate: float = Field(default=0.01, gt=0, lt=1)
    """Rate of failed requests above which alarms go off."""


class StageSettings(StageEntry):
    """Settings of one stage: a complete deployment, separate from all others."""

    account: str | None = Field(default=None, pattern=r"^[0-9]{12}$")
    """The only account to deploy to; None: the account of the credentials."""
    regions: tuple[str, ...] = Field(default=(), strict=False)
    """Regions to deploy to; none: the AWS profile's."""
    artifact_buckets: Mapping[str, str] = Field(default={})
    """Region -> bucket of its artifacts; required if the lock names several buckets."""
    artifact_keys: tuple[Annotated[str, Field(pattern=r"^arn:[a-z-]+:kms:\S+:key/\S+$")], ...] = (
        Field(default=(), strict=False)
    )
    """ARNs of KMS keys of artifact buckets that are not from the stage's artifact stack."""
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    auth: Auth = "iam"
    """Who may call: AWS principals (iam), holders of bearer tokens, or anybody (none)."""
    authorizer_cache_s: int = Field(default=0, ge=0, le=3600)
    """How long the gateway caches the check of a token; a revoked token works that much longer."""
    cors: Annotated[tuple[str, ...], AfterValidator(_origins)] = Field(default=(), strict=False)
    """Origins whose pages may call the API from a browser; `*` for all."""
    throttling: Throttling = Throttling()
    tenants: Mapping[TenantName, TenantPlan] = Field(default={}, max_length=_MOST_TENANTS)
    """Tenant -> its usage plan; the others share one with the figures of `throttling`, each tenant
    for itself. A tenant is the name that `lading tokens create` was given."""
    waf: bool | None = None
    """Whether a web application firewall is in front of the API; None: in production only."""
    domain: CustomDomain | None = None
    pages: bool = False
    """Whether browsers get the pages /ui and /docs, which ask their user for a token."""
    public_health: bool | None = None
    """Whether anybody may ask GET /health/predict; None: where a domain is in several regions."""
    signatures: SignatureSettings = SignatureSettings()
    """Which signatures of models are accepted."""
    drift: DriftSettings = DriftSettings()
    alarms: Alarms = Alarms()
    watching: WatchingSettings = WatchingSettings()
    rollout: RolloutName = "canary-10-percent-5-minutes"
    judge: StageJudge | None = None
    retraining: Retraining = Retraining()
    delivery: Delivery = Delivery()
    log_retention_days: RetentionDays = 90
    log_key: KeyArn | None = None
    """ARN of the KMS key that encrypts the logs; its policy must let CloudWatch Logs use it."""
    permissions_boundary: str | None = None
    """Name or ARN of a managed policy that is the permissions boundary of every role."""
    defaults: ModelSettings = ModelSettings()
    """Settings of every model's function."""
    models: Mapping[str, ModelSettings] = Field(default={})
    """Model -> settings that replace the defaults."""

    def model(self, name: str) -> ModelSettings:
        """Return the settings of a model's function: its own, and defaults for the rest."""
        own = self.models.get(name, ModelSettings())
        endpoint = self.defaults.sagemaker.model_copy(update=_stated(own.sagemaker))
        managed = self.defaults.managed.model_copy(update=_stated(own.managed))
        changes = {**_stated(own), "sagemaker": endpoint, "managed": managed}
        return self.defaults.model_copy(update=changes)


class SettingsFile(StageEntry):
    """The content of stages.yaml: the stages of one service."""

    service: str = Field(default="lading", pattern=r"^[a-z][a-z0-9-]{0,19}$")
    """Start of every name; choose another for a second deployment in the same account."""
    owner: str | None = Field(default=None, min_length=1)
    """Team that is responsible: a tag on every resource."""
    stages: Mapping[Annotated[str, AfterValidator(_stage_name)], StageSettings] = Field(
        default={"dev": StageSettings(), PRODUCTION: StageSettings()}, min_length=1
    )


class ArtifactKeys(NamedTuple):
    """The keys that may encrypt artifacts.

    Args:
        alias: alias of the stage's own key.
        others: ARNs of the keys of other buckets.
    """

    alias: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Names:
    """Physical names of one stage, by which stacks refer to each other without exports.

    Args:
        service: name of the service.
        stage: name of the stage.
    """

    service: str
    stage: str

    @property
    def prefix(self) -> str:
        """Start of every name of the stage: `lading-dev`."""
        return f"{self.service}-{self.stage}"

    @property
    def artifact_stack(self) -> str:
        """Name of the stack of artifacts and tokens."""
        return f"{self.prefix}-artifacts"

    @property
    def api_stack(self) -> str:
        """Name of the stack of the REST API."""
        return f"{self.prefix}-api"

    @property
    def artifact_key(self) -> str:
        """Alias of the key that encrypts artifacts and tokens."""
        return f"alias/{self.prefix}-artifacts"

    @property
    def token_table(self) -> str:
        """Name of the table of bearer tokens."""
        return f"{self.prefix}-tokens"

    @property
    def alarm_topic(self) -> str:
        """Name of the topic that receives every alarm."""
        return f"{self.prefix}-alarms"

    def model_stack(self, model: str) -> str:
        """Return the name of a model's stack."""
        return _physical(
            f"{self.prefix}-model-", model, CLOUDFORMATION.name_length, r"[^A-Za-z0-9-]"
        )

    def model_description(self, model: str, version: int) -> str:
        """Return the description of a model's stack, which `described_model` reads."""
        return f"Lading {self.stage}: model {model}, version {version}"

    def described_model(self, stack: str, description: str) -> str | None:
        """Return the model of a stack in the account; None: it serves none of this stage's."""
        found = re.match(rf"Lading {self.stage}: model (\S+), version ", description)
        return found[1] if found and self.model_stack(found[1]) == stack else None

    def retraining_stack(self, model: str) -> str:
        """Return the name of the stack that trains a model again."""
        return _physical(
            f"{self.prefix}-retraining-", model, CLOUDFORMATION.name_length, r"[^A-Za-z0-9-]"
        )

    def retraining(self, model: str) -> str:
        """Return the name of a model's state machine, of its builds and of its schedule."""
        return _physical(f"{self.prefix}-retraining-", model, LAMBDA.name_length, r"[^A-Za-z0-9_-]")

    def batches(self, model: str) -> str:
        """Return the name of the state machine of a model's batches."""
        return _physical(f"{self.prefix}-batches-", model, LAMBDA.name_length, r"[^A-Za-z0-9_-]")

    def function(self, model: str) -> str:
        """Return the name of a model's function."""
        return _physical(f"{self.prefix}-model-", model, LAMBDA.name_length, r"[^A-Za-z0-9_-]")

    def component(self, model: str) -> str:
        """Return the name of a model's inference component.

        It is in lower case: its metrics and its log are found by its name, and AWS may write the
        name in another case in its ARN.
        """
        longest = SAGEMAKER.component_name_length
        return _physical(f"{self.prefix}-", model, longest, r"[^a-z0-9-]|-$")

    def hook(
        self,
        model: str,
        role: Literal["check", "clean", "endpoint", "judge", "shadow", "update-judge"],
    ) -> str:
        """Return the name of a function of a model's roll-outs."""
        return _physical(f"{self.prefix}-{role}-", model, LAMBDA.name_length, r"[^A-Za-z0-9_-]")

    def api_function(self, role: str) -> str:
        """Return the name of a function of the API: `front` or `authorizer`."""
        return f"{self.prefix}-api-{role}"


@dataclass(frozen=True, slots=True)
class Deployment:
    """One stage to deploy.

    Args:
        names: physical names.
        settings: settings of the stage.
        owner: team that is responsible for it.
        local: whether the account is emulated; then features are left out.
        runtime: URL of the emulated account's SageMaker.
        folder: the folder of stages.yaml, to which its paths are relative.
    """

    names: Names
    settings: StageSettings = field(default_factory=StageSettings)
    owner: str | None = None
    local: bool = False
    runtime: str = ""
    folder: Path = Path()

    @property
    def stage(self) -> str:
        """The stage's name."""
        return self.names.stage

    @property
    def production(self) -> bool:
        """Whether this is the stage `prod`."""
        return self.stage == PRODUCTION

    def environment(self, region: str | None) -> dict[str, str]:
        """Return account and region of a stack, if they are stated."""
        stated = {"account": self.settings.account, "region": region}
        return {key: value for key, value in stated.items() if value is not None}

    def region_suffix(self, region: str | None) -> str:
        """Return the end of names that are unique in an account, not only in a region."""
        return f"-{region}" if len(self.settings.regions) > 1 else ""

    @property
    def base_path(self) -> str:
        """Base path of the API's custom domain; empty if there is none."""
        domain = None if self.local else self.settings.domain
        return domain.base_path if domain else ""

    @property
    def artifact_keys(self) -> ArtifactKeys:
        """The keys that may encrypt artifacts."""
        return ArtifactKeys(self.names.artifact_key, self.settings.artifact_keys)

    @property
    def waf(self) -> bool:
        """Whether a firewall is in front of the API."""
        wanted = self.production if self.settings.waf is None else self.settings.waf
        return wanted and not self.local

    @property
    def tags(self) -> Mapping[str, str]:
        """Tags of every resource."""
        tags = {"service": self.names.service, "stage": self.stage}
        return MappingProxyType({**tags, "owner": self.owner} if self.owner else tags)


def load_deployment(path: Path, stage: str, *, local: bool = False) -> Deployment:
    """Return the stage `stage` of the settings file at `path`, which may be absent.

    Raises:
        SettingsError: the file is invalid, or has no such stage.
    """
    document = _read(path)
    if stage not in document.stages:
        guess = likely(stage, document.stages)
        known = f"did you mean '{guess}'?" if guess else f"it has {', '.join(document.stages)}"
        raise SettingsError(f"{path}: there is no stage '{stage}'; {known}")
    settings = document.stages[stage]
    if settings.domain is not None:
        for reason in domain_conflicts(settings.domain, settings.regions):
            raise SettingsError(f"{path}: stages.{stage}.domain: {reason}")
    names = Names(document.service, stage)
    return Deployment(names, settings, document.owner, local, folder=path.parent)


def _read(path: Path) -> SettingsFile:
    if not path.exists():
        return SettingsFile()
    try:
        document = LocatedYaml(path)
        settings = SettingsFile.model_validate(document.value or {})
    except ManifestError as error:
        raise SettingsError(str(error)) from error
    except ValidationError as error:
        failures = [(document.place(_keys(detail["loc"])), detail) for detail in error.errors()]
        place, detail = min(failures, key=lambda failure: failure[0].line)
        unknown = detail["type"] == "extra_forbidden"
        raise SettingsError(f"{place}: {'unknown key' if unknown else detail['msg']}") from error
    _require_possible(document, settings)
    return settings


def _require_possible(document: LocatedYaml, settings: SettingsFile) -> None:
    """Refuse settings of functions and endpoints that AWS does not accept together."""
    for name, stage in settings.stages.items():
        if stage.tenants and stage.auth != "token":
            place = document.place(["stages", name, "tenants"])
            raise SettingsError(f"{place}: needs `auth: token`, which tells tenants apart")
        if stage.pages and stage.auth == "iam":
            place = document.place(["stages", name, "pages"])
            raise SettingsError(f"{place}: needs `auth: token`: a browser cannot sign requests")
        for reason in judge_conflicts(stage.judge, stage.rollout):
            raise SettingsError(f"{document.place(['stages', name, 'judge'])}: {reason}")
        described = [(["defaults"], stage.defaults)]
        described += [(["models", model], stage.model(model)) for model in stage.models]
        for keys, model in described:
            for reason in model.concurrency_conflicts():
                place = document.place(["stages", name, *keys, "provisioned_concurrency"])
                raise SettingsError(f"{place}: {reason}")
            for key, row in impossible(model.sagemaker):
                place = document.place(["stages", name, *keys, "sagemaker", *key.split(".")])
                raise SettingsError(f"{place}: {row}")


def _stated(entry: BaseModel) -> dict[str, object]:
    return {key: getattr(entry, key) for key in entry.model_fields_set}


def _keys(location: Sequence[str | int]) -> list[str | int]:
    return [key for key in location if key != "[key]"]


def _physical(prefix: str, name: str, longest: int, illegal: str) -> str:
    """Return `prefix` and `name`, with a fingerprint if `name` had to be changed or shortened."""
    plain = f"{prefix}{name}"
    if len(plain) <= longest and not re.search(illegal, name):
        return plain
    fingerprint = sha256(name.encode()).hexdigest()[:_FINGERPRINT]
    legal = re.sub(illegal, "-", plain)[: longest - _FINGERPRINT - 1]
    return f"{legal}-{fingerprint}"
