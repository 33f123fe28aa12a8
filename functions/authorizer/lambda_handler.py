"""The Lambda entry of the authorizer."""

from typing import Any

from lading.functions.authorizer.authorizer import Authorizer
from lading.functions.authorizer.grants import table_lookup
from lading.functions.authorizer.settings import token_table

_authorizer = Authorizer(table_lookup(token_table()))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer one REQUEST authorizer event."""
    return _authorizer.answer(event)
