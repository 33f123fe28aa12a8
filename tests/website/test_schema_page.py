from typing import Any

import pytest

from website.schema_page import kind, schema_page


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 1, "exclusiveMaximum": 5}, "integer from 1 below 5"),
        ({"enum": ["a", 2]}, "`a`, `2`"),
        ({"const": False}, "`false`"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string"),
        ({"type": "array", "items": {"$ref": "#/$defs/Some"}}, "list of [Some](#some)"),
        (
            {"type": "object", "patternProperties": {".": {"type": "number"}}},
            "mapping of names to number",
        ),
        ({}, "any value"),
    ],
)
def test_a_value_is_told_in_words(schema: dict[str, Any], words: str) -> None:
    assert kind(schema) == words


def test_mappings_come_in_the_order_in_which_they_are_met() -> None:
    schema = {
        "properties": {"b": {"$ref": "#/$defs/B", "description": "a B"}},
        "required": ["b"],
        "$defs": {
            "A": {"description": "An A.", "properties": {"n": {"type": "integer", "default": 3}}},
            "B": {"properties": {"a": {"$ref": "#/$defs/A"}}},
        },
    }
    page = schema_page("x.yaml", "What it is.", schema)
    assert page.index("## B") < page.index("## A")
    assert "| `b` | [B](#b) | required | a B |" in page
    assert "| `n` | integer | `3` |  |" in page
