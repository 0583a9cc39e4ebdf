"""What a judge may answer: the schema of one of Ragas' response models, bounded so that every answer parses and scores.

Ragas leaves lists and texts open, and a small model then writes until it is cut off, or judges no statement or the same one
twice. Here a text has a longest length, a verdict is 0 or 1, no list is empty, and where the prompt says which statements
are to be judged the answer holds exactly those, in their order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag.sentences import sentences

_INPUT, _OUTPUT = "\ninput: ", "\nOutput: "
_JUDGED_LISTS = {"statements": ("statements", "statement"), "classifications": ("answer", "statement")}
"""List in the answer -> where the prompt's input holds what is judged, and the key that repeats it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The longest that a judge may go on: characters of a text and of a reason, items of a list."""

    text_chars: int = 160
    reason_chars: int = 80
    items: int = 6


NARROW = Bounds(text_chars=100, reason_chars=24, items=4)
"""For prompts that leave little of the model's context."""


def bounded_schema(schema: Mapping[str, Any], prompt: str, bounds: Bounds = Bounds()) -> dict[str, Any]:
    """The JSON schema to decode with, for the schema of a response model and the prompt that asks for it.

    `$ref`s are written out; every property is required and no other is allowed.
    """
    return _object(schema, schema.get("$defs", {}), prompt_input(prompt), bounds)


def prompt_input(prompt: str) -> dict[str, Any]:
    """The input that a Ragas prompt ends with; empty when it does not end that way.

    Source: `BasePrompt.to_string` of ragas 0.4.3.
    """
    start, end = prompt.rfind(_INPUT), prompt.rfind(_OUTPUT)
    try:
        value = json.loads(prompt[start + len(_INPUT) : end]) if 0 <= start < end else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _object(schema: Mapping[str, Any], defs: Mapping[str, Any], given: Mapping[str, Any], bounds: Bounds) -> dict[str, Any]:
    properties = {name: _value(name, part, defs, given, bounds) for name, part in schema.get("properties", {}).items()}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _value(
    name: str, schema: Mapping[str, Any], defs: Mapping[str, Any], given: Mapping[str, Any], bounds: Bounds
) -> dict[str, Any]:
    schema = _resolved(schema, defs)
    kind = schema.get("type")
    if kind == "object":
        return _object(schema, defs, given, bounds)
    if kind == "array":
        return _array(name, schema, defs, given, bounds)
    if kind == "string":
        chars = bounds.reason_chars if name.startswith("reason") else bounds.text_chars
        return {"type": "string", "minLength": 1, "maxLength": chars}
    if kind == "integer":
        return {"type": "integer", "minimum": schema.get("minimum", 0), "maximum": schema.get("maximum", 1)}
    return dict(schema)


def _array(
    name: str, schema: Mapping[str, Any], defs: Mapping[str, Any], given: Mapping[str, Any], bounds: Bounds
) -> dict[str, Any]:
    item_schema = _resolved(schema.get("items", {}), defs)
    item = _value("", item_schema, defs, {}, bounds)
    judged = _judged(name, given) if item_schema.get("type") == "object" else []
    if not judged:
        return {"type": "array", "minItems": 1, "maxItems": bounds.items, "items": item}
    key = _JUDGED_LISTS[name][1]
    return {
        "type": "array",
        "prefixItems": [
            {**item, "properties": {**item["properties"], key: {"const": statement}}} for statement in judged
        ],
        "items": False,
        "minItems": len(judged),
        "maxItems": len(judged),
    }


def _judged(name: str, given: Mapping[str, Any]) -> list[str]:
    """The statements that the prompt wants a verdict on: those it lists, or the sentences of the answer it gives."""
    if name not in _JUDGED_LISTS:
        return []
    value = given.get(_JUDGED_LISTS[name][0])
    if isinstance(value, str):
        return sentences(value) or [value]
    if isinstance(value, Sequence):
        return [str(statement) for statement in value]
    return []


def _resolved(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    return defs[reference.rsplit("/", 1)[-1]] if isinstance(reference, str) else schema
