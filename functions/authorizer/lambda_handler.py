"""The Lambda entry of the authorizer."""

from typing import Any

from lading.functions.authorizer.authorizer import Authorizer
from lading.functions.authorizer.grants import table_lookup
from lading.functions.authorizer.settings import base_path, token_table, usage_plans
from lading.functions.contract.invocation import answer_warm_up

_authorizer = Authorizer(table_lookup(token_table()), base_path=base_path(), plans=usage_plans())


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer one REQUEST authorizer event, or a warm-up."""
    return answer_warm_up(event) or _authorizer.answer(event)
