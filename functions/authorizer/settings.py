"""The setting of the authorizer, read from its environment variable here alone."""

import os
from collections.abc import Mapping

from lading.functions.contract.names import TOKENS


def token_table(environment: Mapping[str, str] = os.environ) -> str:
    """Return the name of the DynamoDB table of tokens.

    Raises:
        KeyError: the variable is missing.
    """
    return environment[TOKENS.table]
