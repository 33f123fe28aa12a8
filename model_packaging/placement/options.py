"""One way to serve a model, with its price."""

from dataclasses import dataclass
from typing import Any, Literal

from lading.model_packaging.placement.prices import Prices

Target = Literal["lambda", "lambda-managed", "sagemaker", "container"]

MONTH_HOURS = 730
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Option:
    """One way to serve a model, in dollars.

    Args:
        target: where.
        size: MB of memory (`1769 MB`), or an instance type.
        instances: how many are needed for the requests; 1 on Lambda.
        answers_ms: estimated time of an answer; None if unknown.
        at_rest: price of a month without requests.
        usage: price of a million requests on top of that.
        requests: the number of requests in a month.
        first_ms: estimated time of the first answer after a pause; None if unknown.
        fewest: the instances that run without requests.
    """

    target: Target
    size: str
    instances: int
    answers_ms: float | None
    at_rest: float
    usage: float
    requests: int
    first_ms: float | None = None
    fewest: int = 1

    @property
    def priced(self) -> bool:
        """Whether its prices are known: those of a container of the user's own are not."""
        return self.target != "container"

    @property
    def per_million(self) -> float:
        """Price of a million requests, with their share of the month."""
        return self.usage + self.at_rest * MILLION / self.requests

    @property
    def least(self) -> float:
        """Price of a month in which the fewest instances run."""
        return self.at_rest * self.fewest / self.instances

    def compute(self, prices: Prices) -> float:
        """Return the price of one request in the model's function, without the API."""
        if not self.priced:
            return 0.0
        calls = self.usage - per_million_calls(prices) + prices.lambda_.requests_per_million
        return calls / MILLION

    def to_json(self) -> dict[str, Any]:
        """For `lading plan --json`: milliseconds, and dollars rounded to cents; null is unknown."""
        return {
            "target": self.target,
            "size": self.size,
            "instances": self.instances,
            "answers_ms": _rounded(self.answers_ms),
            "first_answer_ms": _rounded(self.first_ms),
            "per_million_usd": round(self.per_million, 2) if self.priced else None,
            "at_rest_usd_a_month": round(self.at_rest, 2) if self.priced else None,
        }


def per_million_calls(prices: Prices) -> float:
    """Return the price of a million requests to the API and a function, without its run time."""
    return prices.api.requests_per_million + prices.lambda_.requests_per_million


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 2)
