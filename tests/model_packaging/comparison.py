"""Compares a converted model with its original on a few requests."""

import sys
from collections.abc import Iterable
from math import inf

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.agreement import Model, compare, gather
from lading.model_packaging.check.probes import Probe


def check_conversion(
    name: str, requests: Iterable[dict[str, Array]], reference: Model, converted: Model
) -> int:
    """How many rows agree; raises ConversionMismatch when one differs."""
    probes = [Probe("given rows", request) for request in requests]
    return compare(name, gather(reference, probes, sys.maxsize, inf), converted)
