"""What was used in a period, as metrics tell it, and what that costs by the prices of `plan`."""

from collections.abc import Mapping
from dataclasses import dataclass

from lading.model_packaging.placement.options import MILLION
from lading.model_packaging.placement.prices import Prices
from lading.model_packaging.placement.stage_costs import GIGABYTE


@dataclass(frozen=True, slots=True)
class UsedFunction:
    """What one function did.

    Args:
        memory_mb: its memory.
        calls: invocations.
        seconds: the time of all of them together.
        restored: environments that started from its snapshot.
    """

    memory_mb: int
    calls: float = 0.0
    seconds: float = 0.0
    restored: float = 0.0

    def cost(self, prices: Prices) -> float:
        """Return its price in dollars."""
        own, gigabytes = prices.lambda_, self.memory_mb / 1024
        called = self.calls / MILLION * own.requests_per_million
        return called + gigabytes * (self.seconds * own.gb_second + self.restored * own.restored_gb)


@dataclass(frozen=True, slots=True)
class UsedStage:
    """What one stage did in one region.

    Args:
        models: model -> its function.
        helpers: role of a function of the API, such as `front` -> the function.
        requests: requests to the APIs.
        firewall: requests that the firewall looked at.
        log_bytes: bytes that logs received.
        reads: read units of the table of tokens.
        writes: write units of that table.
    """

    models: Mapping[str, UsedFunction]
    helpers: Mapping[str, UsedFunction]
    requests: float = 0.0
    firewall: float = 0.0
    log_bytes: float = 0.0
    reads: float = 0.0
    writes: float = 0.0

    def parts(self, prices: Prices) -> dict[str, float]:
        """Return what each part costs beside the models' functions, by its name in `plan`."""
        stage, reads, writes = prices.stage, self.reads / MILLION, self.writes / MILLION
        tables = reads * stage.table_reads_per_million + writes * stage.table_writes_per_million
        return {
            "API": self.requests / MILLION * prices.api.requests_per_million,
            **{role: used.cost(prices) for role, used in self.helpers.items()},
            "tables": tables,
            "firewall requests": self.firewall / MILLION * stage.firewall_per_million,
            "logs": self.log_bytes / GIGABYTE * (stage.log_gb + stage.log_gb_month),
        }
