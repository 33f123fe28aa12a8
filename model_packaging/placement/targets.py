"""Chooses where to serve a model: on Lambda, on Lambda Managed Instances, or on SageMaker.

A class of the user's own has Lambda or a container.

The module is pure: it gets the measurements of packaging and the prices. The needs on Lambda are
estimated from one processor of the packaging machine: a function with 1,769 MB of memory has one
processor, with less memory a part of one. docs/large-models.md has the limits of the estimate.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from lading.functions.contract.limits import LAMBDA
from lading.model_packaging.errors import PackagingError
from lading.model_packaging.placement import on_container, on_lambda, on_managed, on_sagemaker
from lading.model_packaging.placement.needs import Needs, readable_size
from lading.model_packaging.placement.options import MILLION, Option, Target
from lading.model_packaging.placement.prices import Prices


class DoesNotFit(PackagingError):
    """The model is too large or too slow for its target; nothing is published.

    Remedy: choose another `target`, or make the model smaller (`quantize`).
    """

    def __init__(self, model: str, target: str, reason: str, advice: str) -> None:
        super().__init__(f"model '{model}' does not fit {target}: {reason}; {advice}")
        self.model, self.target, self.reason, self.advice = model, target, reason, advice


@dataclass(frozen=True, slots=True)
class Placement:
    """The chosen target of a model, and the alternatives.

    `why` is the reason; `refused` has the reason for each target that cannot serve the model.
    `break_even` has, for each target whose instances never sleep, the number of requests in a month
    from which the fewest of them are as cheap as Lambda; it is empty if Lambda cannot serve the
    model, or is cheaper at any rate.
    """

    name: str
    chosen: Option
    why: str
    options: tuple[Option, ...]
    refused: Mapping[Target, str]
    break_even: Mapping[Target, int]


def place(
    needs: Needs, prices: Prices, requests: int = MILLION, environments: int | None = None
) -> Placement:
    """Choose Lambda if the model fits there, else the cheapest instances that hold it.

    Args:
        needs: the model.
        prices: see `prices.read_prices`.
        requests: the number of requests in a month, for the costs.
        environments: environments that are kept on managed instances; None: AWS's default.

    Raises:
        DoesNotFit: no target can serve it.
    """
    code, no_instance = on_container.runs_code(needs), on_container.refuses_instances(needs)
    reasons: dict[Target, str] = {
        "lambda": on_lambda.refusal(needs),
        "lambda-managed": no_instance or on_managed.refusal(needs, prices),
        "sagemaker": no_instance or on_sagemaker.refusal(needs, prices),
    }
    refused = {target: reason for target, reason in reasons.items() if reason}
    options = _options(needs, prices, requests, environments, refused)
    options += (on_container.option(needs, requests),) if code else ()
    if not options:
        text = "; ".join(f"{target}: {why}" for target, why in refused.items())
        raise DoesNotFit(needs.name, "any target", text, "quantize it, or use a smaller model")
    own = "it runs your code; " if code else ""
    why = f"{own}{reasons['lambda']}" if reasons["lambda"] else f"it fits: {_why(needs)}"
    return Placement(needs.name, options[0], why, options, refused, _break_even(options))


def require_fits(placement: Placement, target: Target) -> Option:
    """Return the option for the target that the manifest sets, if it can serve the model.

    Raises:
        DoesNotFit: it cannot; the text names the target that can.
    """
    if target in placement.refused:
        other = placement.chosen
        advice = f"set models.{placement.name}.target: {other.target}, with {other.size}"
        raise DoesNotFit(placement.name, target, placement.refused[target], advice)
    return next(option for option in placement.options if option.target == target)


def _options(
    needs: Needs,
    prices: Prices,
    requests: int,
    environments: int | None,
    refused: Mapping[Target, str],
) -> tuple[Option, ...]:
    """Return the possible options: Lambda first, then the others from the cheapest on."""
    options: list[Option] = []
    if "lambda-managed" not in refused:
        options.append(on_managed.option(needs, prices, requests, environments))
    if "sagemaker" not in refused:
        options.append(on_sagemaker.option(needs, prices, requests))
    options.sort(key=lambda option: option.per_million)
    if "lambda" not in refused:
        options.insert(0, on_lambda.option(needs, prices, requests))
    return tuple(options)


def _why(needs: Needs) -> str:
    layer = (
        "in a layer"
        if needs.model_bytes <= LAMBDA.artifact_bytes
        else "loaded from S3 at the start"
    )
    own = f", not converted, {needs.runs_with}" if needs.runtime else ""
    return f"{readable_size(needs.model_bytes)} {layer}, {needs.memory_mb:,} MB of memory{own}"


def _break_even(options: tuple[Option, ...]) -> dict[Target, int]:
    """Return the requests per month from which the fewest instances cost as much as Lambda."""
    function, *others = options
    if function.target != "lambda":
        return {}
    return {
        other.target: math.ceil((other.least - function.at_rest) / saved * MILLION)
        for other in others
        if other.priced and (saved := function.usage - other.usage) > 0
    }
