"""The schema of a judge's answer, bounded so that every answer parses and scores.

Ragas leaves lists and texts open, and a small model then writes until it is cut off, or judges no
statement, or the same one twice. Here a text has a longest length, a verdict is 0 or 1, and no list is
empty. Where the prompt lists the statements to judge, the schema has one numbered place for each, and the
statements are filled in afterwards: nothing is copied token by token, and questions with as many statements
share one grammar, which engines compile only once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag.json_text import parse_json
from rag.text.sentences import sentences

_INPUT, _OUTPUT = "\ninput: ", "\nOutput: "
_VERDICT_LISTS = {"statements": "statements", "classifications": "answer"}
"""List of verdicts in an answer to the key of the judged text in the prompt."""
_DECOMPOSITIONS = {"statements": ("answer",), "claims": ("response",)}
"""List of statements in an answer to the keys of their text in the prompt's input."""
_STATEMENT = "statement"


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of a judge's answer: characters of texts and reasons, items of lists.

    Above about 128 characters xgrammar 0.2 counts repetitions at run time, which is ten times slower.
    """

    text_chars: int = 120
    reason_chars: int = 60
    items: int = 6


USUAL = Bounds()
NARROW = Bounds(text_chars=60, reason_chars=16, items=3)
"""For prompts that leave little of the model's context."""


@dataclass(frozen=True, slots=True)
class JudgeForm:
    """The JSON schema to decode with, and the statements of its numbered places."""

    schema: dict[str, Any]
    judged: Mapping[str, Sequence[str]]

    def completed(self, text: str) -> dict[str, Any]:
        """Return the judge's JSON with the statements in their places.

        Raises:
            ValueError: it is not JSON, or not of this form.
        """
        answer = parse_json(text)
        for name, statements in self.judged.items():
            items = answer.get(name, []) if isinstance(answer, dict) else []
            if len(items) != len(statements):
                raise ValueError(f"{len(items)} verdicts on {len(statements)} statements")
            for item, statement in zip(items, statements, strict=True):
                item[_STATEMENT] = statement
        if not isinstance(answer, dict):
            raise ValueError("not an object")
        return answer


def judge_form(schema: Mapping[str, Any], prompt: str, bounds: Bounds = USUAL) -> JudgeForm:
    """Return the form for a response model's JSON schema and its prompt.

    `$ref`s are written out; every property is required and no other is allowed.
    """
    given = prompt_input(prompt)
    defs = schema.get("$defs", {})
    judged: dict[str, Sequence[str]] = {}
    for name, part in schema.get("properties", {}).items():
        items = _resolved(part.get("items", {}), defs)
        if name in _VERDICT_LISTS and items.get("type") == "object":
            judged[name] = _statements(given.get(_VERDICT_LISTS[name]))
    judged = {name: statements for name, statements in judged.items() if statements}
    return JudgeForm(_object(schema, defs, judged, bounds), judged)


def decomposed(schema: Mapping[str, Any], prompt: str) -> dict[str, Any] | None:
    """Return the sentences of a text as the answer to a prompt that asks to divide it.

    For every other prompt it is None.
    """
    given = prompt_input(prompt)
    properties = schema.get("properties", {})
    for name, keys in _DECOMPOSITIONS.items():
        if list(properties) == [name] and properties[name].get("items", {}).get("type") == "string":
            text = next((given[key] for key in keys if isinstance(given.get(key), str)), "")
            return {name: _statements(text)} if text.strip() else None
    return None


def prompt_input(prompt: str) -> dict[str, Any]:
    """Return the input at the end of a Ragas prompt; empty when there is none.

    Source: `BasePrompt.to_string` of ragas 0.4.3.
    """
    start, end = prompt.rfind(_INPUT), prompt.rfind(_OUTPUT)
    try:
        value = parse_json(prompt[start + len(_INPUT) : end]) if 0 <= start < end else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _object(
    schema: Mapping[str, Any], defs: Mapping[str, Any], judged: Mapping[str, Sequence[str]], bounds: Bounds
) -> dict[str, Any]:
    properties = {
        name: _verdicts(part, defs, len(judged[name]), bounds)
        if name in judged
        else _value(name, part, defs, bounds)
        for name, part in schema.get("properties", {}).items()
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _value(name: str, schema: Mapping[str, Any], defs: Mapping[str, Any], bounds: Bounds) -> dict[str, Any]:
    schema = _resolved(schema, defs)
    kind = schema.get("type")
    if kind == "object":
        return _object(schema, defs, {}, bounds)
    if kind == "array":
        item = _value("", schema.get("items", {}), defs, bounds)
        return {"type": "array", "minItems": 1, "maxItems": bounds.items, "items": item}
    if kind == "string":
        chars = bounds.reason_chars if name.startswith("reason") else bounds.text_chars
        return {"type": "string", "minLength": 1, "maxLength": chars}
    if kind == "integer":
        return {"type": "integer", "minimum": schema.get("minimum", 0), "maximum": schema.get("maximum", 1)}
    return dict(schema)


def _verdicts(
    schema: Mapping[str, Any], defs: Mapping[str, Any], count: int, bounds: Bounds
) -> dict[str, Any]:
    """Return the schema of a list with one numbered place for each statement.

    The number is in the place where a statement would be repeated.
    """
    item = _value("", schema.get("items", {}), defs, bounds)
    places = [
        {**item, "properties": {**item["properties"], _STATEMENT: {"const": number}}}
        for number in range(1, count + 1)
    ]
    return {"type": "array", "prefixItems": places, "items": False, "minItems": count, "maxItems": count}


def _statements(value: Any) -> list[str]:
    if isinstance(value, str):
        return sentences(value) or [value]
    return [str(statement) for statement in value] if isinstance(value, Sequence) else []


def _resolved(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    return defs[reference.rsplit("/", 1)[-1]] if isinstance(reference, str) else schema
