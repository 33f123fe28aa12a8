"""The prices of AWS, from the dated file `prices.yaml` or another of the same form."""

from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from lading.model_packaging.errors import PackagingError
from lading.model_packaging.manifest.checked_file import read_checked

PRICES = Path(__file__).with_name("prices.yaml")


class PricesUnusable(PackagingError):
    """A file of prices cannot be read, or has an invalid value.

    Remedy: compare the file with `model_packaging/placement/prices.yaml`.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path}: {reason}; see model_packaging/placement/prices.yaml for an example"
        )
        self.path, self.reason = path, reason


class _PriceEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ApiPrices(_PriceEntry):
    """Prices of a REST API of API Gateway, in dollars."""

    requests_per_million: float = Field(ge=0)


class LambdaPrices(_PriceEntry):
    """Prices of a function, in dollars."""

    requests_per_million: float = Field(ge=0)
    gb_second: float = Field(gt=0)
    snapshot_gb_second: float = Field(ge=0)
    provisioned_gb_second: float = Field(ge=0)
    restored_gb: float = Field(ge=0)


class Instance(_PriceEntry):
    """An instance type: dollars per hour, processors, and GiB of memory."""

    hour: float = Field(gt=0)
    processors: int = Field(ge=1)
    memory: float = Field(gt=0)
    gpus: int = Field(ge=0)
    gpu_memory: float = Field(ge=0)


class ManagedPrices(_PriceEntry):
    """Prices of Lambda Managed Instances: EC2's, and the fee as a share of them."""

    as_of: date
    source: str
    fee: float = Field(ge=0)
    instances: dict[str, Instance] = Field(min_length=1)


class StagePrices(_PriceEntry):
    """Prices of what a stage has beside its models' compute, in dollars."""

    as_of: date
    source: str
    log_gb: float = Field(ge=0)
    log_gb_month: float = Field(ge=0)
    metric_month: float = Field(ge=0)
    alarm_metric_month: float = Field(ge=0)
    dashboard_month: float = Field(ge=0)
    traces_per_million: float = Field(ge=0)
    firewall_month: float = Field(ge=0)
    firewall_rule_month: float = Field(ge=0)
    firewall_per_million: float = Field(ge=0)
    key_month: float = Field(ge=0)
    table_reads_per_million: float = Field(ge=0)
    table_writes_per_million: float = Field(ge=0)
    bucket_gb_month: float = Field(ge=0)
    transfer_gb: float = Field(ge=0)


class BatchPrices(_PriceEntry):
    """Prices of batches beside Lambda's, in dollars; `instances` are those without GPUs."""

    as_of: date
    source: str
    transitions_per_million: float = Field(ge=0)
    writes_per_million: float = Field(ge=0)
    reads_per_million: float = Field(ge=0)
    instances: dict[str, Instance] = Field(default_factory=dict)


class Prices(_PriceEntry):
    """The content of the file."""

    region: str
    as_of: date
    source: str = ""
    api: ApiPrices
    lambda_: LambdaPrices = Field(alias="lambda")
    managed: ManagedPrices
    stage: StagePrices
    batch: BatchPrices
    sagemaker: dict[str, Instance] = Field(min_length=1)

    def batch_instance(self, type_: str) -> Instance | None:
        """Return an instance type of batches; None if the file has no price of it."""
        return self.sagemaker.get(type_) or self.batch.instances.get(type_)


def read_prices(path: Path = PRICES) -> Prices:
    """Read and check a file of prices.

    Raises:
        PricesUnusable: it cannot be read, or has an invalid value.
    """
    return read_checked(path, Prices, PricesUnusable)
