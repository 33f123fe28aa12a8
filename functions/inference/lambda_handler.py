"""The Lambda entry: models are loaded and verified at import, which SnapStart keeps."""

import asyncio
import os
from typing import Any

from mangum import Mangum

from functions.inference.application import create_app
from functions.inference.catalog import load_catalog
from functions.inference.observability import Observability
from functions.inference.settings import Settings

_settings = Settings.from_environment(os.environ)
_catalog = load_catalog(_settings)
_observability = Observability(_settings)
_observability.note_failures(_catalog)
asyncio.set_event_loop(asyncio.new_event_loop())  # Mangum expects one
_adapter = Mangum(_observability.middleware(create_app(_catalog)), lifespan="off")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one API Gateway proxy event."""
    try:
        return _adapter(event, context)
    finally:
        _observability.flush()
