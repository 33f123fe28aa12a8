"""The Lambda entry of the authorizer."""

import os
from typing import Any

from lading.functions.authorizer.authorizer import Authorizer
from lading.functions.authorizer.grants import table_lookup
from lading.functions.contract.names import TOKENS

_authorizer = Authorizer(table_lookup(os.environ[TOKENS.table]))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer one REQUEST authorizer event."""
    return _authorizer.answer(event)
