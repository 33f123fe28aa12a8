"""Where packaging decided to serve a model: what it chose from, what it refused, and the prices."""

from dataclasses import dataclass
from typing import Any, Literal

from lading.model_packaging.placement.needs import Needs
from lading.model_packaging.placement.options import MILLION, Target
from lading.model_packaging.placement.prices import Prices, read_prices
from lading.model_packaging.placement.targets import Placement, place, require_fits


@dataclass(frozen=True, slots=True)
class Decision:
    """The target of a model, and what was known when it was chosen.

    Args:
        target: what serves the model.
        wanted: what the manifest says.
        placement: the targets that can serve it, and why the others cannot.
        prices: of the options.
    """

    target: Target
    wanted: Target | Literal["auto"]
    placement: Placement
    prices: Prices

    def to_json(self) -> dict[str, Any]:
        """As written in report.json: prices are of `requests_a_month` requests."""
        placement = self.placement
        return {
            "target": self.target,
            "wanted": self.wanted,
            "why": placement.why,
            "options": [option.to_json() for option in placement.options],
            "refused": dict(placement.refused),
            "break_even_requests_a_month": dict(placement.break_even),
            "requests_a_month": MILLION,
            "prices": {"region": self.prices.region, "as_of": self.prices.as_of.isoformat()},
        }


def fitting(wanted: Target | Literal["auto"], needs: Needs) -> tuple[Decision, str]:
    """Decide on the target that the manifest sets, or on the best one, and say so in a line.

    Raises:
        DoesNotFit: the model cannot be served there.
    """
    prices = read_prices()
    placement = place(needs, prices)
    if wanted == "auto":
        chosen = placement.chosen
        outcome = f"{chosen.target} with {chosen.size}, {placement.why}"
        return Decision(chosen.target, wanted, placement, prices), outcome
    option = require_fits(placement, wanted)
    with_ = "runs your code" if option.target == "container" else needs.runs_with
    own = f", {with_}" if with_ else ""
    outcome = f"{option.target} as in the manifest, {option.size}{own}"
    return Decision(option.target, wanted, placement, prices), outcome
