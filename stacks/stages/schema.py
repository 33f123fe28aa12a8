"""The JSON Schema of stages.yaml, made from the records that read it.

`python -m lading.stacks.stages.schema` prints the content of `stages.schema.json`.
"""

import json
import sys
from typing import Any

from lading.stacks.stages.settings import SettingsFile


def render_schema() -> str:
    """Return the JSON Schema of stages.yaml, the content of `stages.schema.json`."""
    titled = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_brief(SettingsFile.model_json_schema()),
        "title": "stages.yaml",
    }
    return f"{json.dumps(titled, indent=2)}\n"


def _brief(value: Any) -> Any:
    """Leave out defaults that are mappings: they repeat what the schema says of their keys."""
    if isinstance(value, list):
        return [_brief(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _brief(each)
        for key, each in value.items()
        if not (key == "default" and isinstance(each, dict))
    }


if __name__ == "__main__":
    sys.stdout.write(render_schema())
