"""The reference of a YAML file, from its JSON Schema."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from website.markdown import code, table, text

Schema = Mapping[str, Any]


def schema_page(title: str, introduction: str, schema: Schema) -> str:
    """Return the page of a file: a section for each kind of mapping, a row for each key.

    Args:
        title: the file's name.
        introduction: what the file is for, in Markdown.
        schema: its JSON Schema.
    """
    below = [_section(name, schema["$defs"][name]) for name in _order(schema)]
    sections = [_section("The file", schema), *below]
    return "\n".join([f"# {title}\n", f"{introduction}\n", *filter(None, sections)])


def _order(schema: Schema) -> list[str]:
    """Return the definitions in the order in which a reader meets them."""
    found: dict[str, None] = {}
    waiting = [*_references(schema)]
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = None
            waiting += _references(schema["$defs"][name])
    return list(found)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
    elif isinstance(value, dict):
        if "$ref" in value:
            yield _named(value["$ref"])
        for key, each in value.items():
            if key != "$defs":
                yield from _references(each)


def _named(reference: str) -> str:
    return reference.rpartition("/")[2]


def _section(name: str, schema: Schema) -> str:
    if "properties" not in schema:
        return "" if name == "The file" else f"## {name}\n\n{_values(name, schema)}\n"
    required = schema.get("required", ())
    rows = [
        [code(key), kind(value), _default(value, key in required), _described(value)]
        for key, value in schema["properties"].items()
    ]
    told = f"{text(schema['description'])}\n\n" if "description" in schema else ""
    return f"## {name}\n\n{told}{table(['key', 'value', 'default', 'meaning'], rows)}"


def _values(name: str, schema: Schema) -> str:
    told = text(schema.get("description", name))
    return f"{told}: {kind(schema)}."


def kind(value: Schema) -> str:
    """Return what a value may be, in words, with links to the mappings of the page."""
    for word, say in _WORDS.items():
        if word in value:
            return say(value)
    if value.get("type") == "object":
        return _mapping(value)
    if value.get("type") == "array":
        items = value.get("items")
        return f"list of {kind(items)}" if items else "list"
    return f"{value.get('type', 'any value')}{_limits(value)}"


def _mapping(value: Schema) -> str:
    below = [value.get("additionalProperties"), *value.get("patternProperties", {}).values()]
    found = [each for each in below if isinstance(each, dict)]
    return f"mapping of names to {kind(found[0])}" if found else "mapping"


def _link(value: Schema) -> str:
    name = _named(value["$ref"])
    return f"[{name}](#{name.lower()})"


def _one_of(value: Schema) -> str:
    forms = [kind(each) for key in ("anyOf", "oneOf") for each in value.get(key, ())]
    return " or ".join(dict.fromkeys(form for form in forms if form != "null"))


_WORDS: Mapping[str, Callable[[Schema], str]] = {
    "$ref": _link,
    "anyOf": _one_of,
    "oneOf": _one_of,
    "enum": lambda value: ", ".join(code(each) for each in value["enum"]),
    "const": lambda value: code(json.dumps(value["const"])),
}


def _limits(value: Schema) -> str:
    words = {
        "minimum": "from",
        "exclusiveMinimum": "above",
        "maximum": "to",
        "exclusiveMaximum": "below",
    }
    found = [f"{word} {value[key]}" for key, word in words.items() if key in value]
    return f" {' '.join(found)}" if found else ""


def _default(value: Schema, required: bool) -> str:
    if required:
        return "required"
    default = value.get("default")
    return "" if default is None or default in ([], {}) else code(json.dumps(default))


def _described(value: Schema) -> str:
    return text(value.get("description", ""))
