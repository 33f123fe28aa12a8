"""The settings of the authorizer, read from its environment variables here alone."""

import os
from collections.abc import Mapping
from typing import NamedTuple

from lading.functions.contract.names import ENVIRONMENT, TOKENS


def token_table(environment: Mapping[str, str] = os.environ) -> str:
    """Return the name of the DynamoDB table of tokens.

    Raises:
        KeyError: the variable is missing.
    """
    return environment[TOKENS.table]


class UsagePlans(NamedTuple):
    """Whose calls count against a plan of their own.

    Args:
        api: the API's name.
        tenants: their names.
    """

    api: str = ""
    tenants: frozenset[str] = frozenset()


def usage_plans(environment: Mapping[str, str] = os.environ) -> UsagePlans:
    """Return the tenants of the API that have a usage plan of their own."""
    names = environment.get(TOKENS.planned, "")
    return UsagePlans(environment.get(TOKENS.api, ""), frozenset(filter(None, names.split(","))))


def base_path(environment: Mapping[str, str] = os.environ) -> str:
    """Return the base path of the API's custom domain; empty if it has none."""
    return environment.get(ENVIRONMENT.base_path, "")
