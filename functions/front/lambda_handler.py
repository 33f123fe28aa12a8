"""The Lambda entry of the front function."""

from typing import Any

from lading.functions.contract.invocation import answer_warm_up
from lading.functions.front.cors import allow_origins
from lading.functions.front.front import Front
from lading.functions.front.health import PublicHealth, with_health
from lading.functions.front.invocation import lambda_invoke
from lading.functions.front.settings import FrontSettings

_settings = FrontSettings.from_environment()
_invoke = lambda_invoke(_settings.functions, _settings.alias)
_front = Front(_settings.functions, _invoke, base_path=_settings.base_path)
_answer = allow_origins(_front.answer, _settings.origins)
if _settings.checked is not None:
    _answer = with_health(_answer, PublicHealth(_settings.checked, _invoke), _settings.base_path)


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer one API Gateway proxy event, or a warm-up."""
    return answer_warm_up(event) or _answer(event)
