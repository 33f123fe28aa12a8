"""The settings of the authorizer, read from its environment variables here alone."""

import os
from collections.abc import Mapping

from lading.functions.contract.names import ENVIRONMENT, TOKENS


def token_table(environment: Mapping[str, str] = os.environ) -> str:
    """Return the name of the DynamoDB table of tokens.

    Raises:
        KeyError: the variable is missing.
    """
    return environment[TOKENS.table]


def base_path(environment: Mapping[str, str] = os.environ) -> str:
    """Return the base path of the API's custom domain; empty if it has none."""
    return environment.get(ENVIRONMENT.base_path, "")
