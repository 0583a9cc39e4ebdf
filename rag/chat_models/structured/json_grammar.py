"""A JSON schema as a grammar that no answer can break or outgrow.

Knows how to write the schema down as EBNF that xgrammar and llama.cpp both read, with every repetition bounded, and so how
many tokens the longest answer takes. Properties come in the schema's order, all of them, without optional white space: a
small model then has nothing left to get wrong but the values.

Source: https://json-schema.org/draft/2020-12 ; RFC 8259 for strings and numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rag.errors import InputError

DEFAULT_STRING_CHARS = 160
"""The limit of a string without `maxLength`: every answer needs a longest length."""
DEFAULT_ARRAY_ITEMS = 8
"""The limit of an array without `maxItems`, for the same reason."""
_DIGITS = 9  # of a number without bounds: its text needs a longest length
_ENUMERATED_INTEGERS = 256  # a range up to this size is written out as alternatives
_STRING_CHAR = r'[^"\\\x00-\x1F\x7F]'
_ESCAPE = r'"\\" ["\\/bfnrt]'
_BYTES_PER_CHAR = 4
"""Most bytes of a character, and with a byte-level vocabulary most tokens."""


@dataclass(frozen=True, slots=True)
class JsonGrammar:
    """EBNF with the rule `root`, and the most tokens that a text of it can take.

    The end token is counted.
    """

    ebnf: str
    max_tokens: int


def json_grammar(schema: Mapping[str, Any]) -> JsonGrammar:
    """The grammar of a JSON schema.

    Strings without `maxLength` get 160 characters, arrays without `maxItems` 8 items; numbers have at most nine digits before
    the point and four after it.

    Raises:
        InputError: the schema uses something that has no bounded grammar (recursion, patterns, open objects).
    """
    writer = _Writer(schema)
    body, size = writer.rule_for(schema, ())
    ebnf = "\n".join([f"root ::= {body}", *writer.rules.values()])
    return JsonGrammar(ebnf + "\n", size + 1)


class _Writer:
    """Grammar rules that are collected while a schema is walked.

    Each method returns an expression and the bytes of its longest text.
    """

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self.rules: dict[str, str] = {}

    def rule_for(self, schema: Mapping[str, Any], path: tuple[str, ...]) -> tuple[str, int]:
        schema, path = self._resolve(schema, path)
        if "const" in schema:
            return self._literals([schema["const"]])
        if "enum" in schema:
            return self._literals(schema["enum"])
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return _either([self.rule_for(option, path) for option in schema[key]])
        kinds = schema.get("type")
        if isinstance(kinds, list):
            return _either([self.rule_for({**schema, "type": kind}, path) for kind in kinds])
        writers = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._integer,
            "number": self._number,
        }
        if kinds == "boolean":
            return '("true" | "false")', 5
        if kinds == "null":
            return '"null"', 4
        if kinds not in writers:
            raise InputError(
                f"a JSON schema has type {kinds!r} here: {json.dumps(schema)[:80]}; give every part a type"
            )
        return writers[kinds](schema, path)

    def _resolve(
        self, schema: Mapping[str, Any], path: tuple[str, ...]
    ) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        only = schema.get("allOf", [])
        if len(only) == 1:
            schema = {**schema, **only[0]}
        reference = schema.get("$ref")
        if reference is None:
            return schema, path
        if reference in path:
            raise InputError(
                f"the JSON schema refers to itself through {reference}; only bounded schemas can be kept to"
            )
        target: Any = self._root
        for part in reference.removeprefix("#/").split("/"):
            target = target.get(part) if isinstance(target, Mapping) else None
        if not isinstance(target, Mapping):
            raise InputError(f"the JSON schema refers to {reference}, which it does not define")
        return self._resolve(target, (*path, reference))

    def _object(self, schema: Mapping[str, Any], path: tuple[str, ...]) -> tuple[str, int]:
        properties = schema.get("properties", {})
        if not properties:
            raise InputError(
                "the JSON schema has an object without properties; name the properties it is to have"
            )
        parts, size = [], 1
        for number, (name, value) in enumerate(properties.items()):
            body, longest = self.rule_for(value, path)
            key = json.dumps(name, ensure_ascii=False) + ":"
            # All properties, in the schema's order and without white space: the text has a known longest length.
            opening = ("{" if number == 0 else ",") + key
            parts.append(f"{_quoted(opening)} {body}")
            size += len(opening.encode()) + longest
        return self._named(" ".join(parts) + ' "}"'), size

    def _array(self, schema: Mapping[str, Any], path: tuple[str, ...]) -> tuple[str, int]:
        if schema.get("prefixItems"):
            return self._tuple(schema, path)
        least = int(schema.get("minItems", 0))
        most = int(schema.get("maxItems", max(least, DEFAULT_ARRAY_ITEMS)))
        if most < max(least, 1):
            return '"[]"', 2
        body, longest = self.rule_for(schema.get("items", {}), path)
        item = self._named(body)
        # The first item has no comma, so the repeated part is one item shorter than the bounds.
        rest = f'("," {item}){{{max(least - 1, 0)},{most - 1}}}' if most > 1 else ""
        filled = f'"[" {item} {rest} "]"'
        text = filled if least else f'(({filled}) | "[]")'
        return self._named(text), 2 + most * (longest + 1)

    def _tuple(self, schema: Mapping[str, Any], path: tuple[str, ...]) -> tuple[str, int]:
        if schema.get("items", True) is not False:
            raise InputError('the JSON schema has an array with "prefixItems" and more; add "items": false')
        parts = [self.rule_for(item, path) for item in schema["prefixItems"]]
        inside = ' "," '.join(body for body, _ in parts)
        return self._named(f'"[" {inside} "]"'), 2 + sum(longest + 1 for _, longest in parts)

    def _string(self, schema: Mapping[str, Any], path: tuple[str, ...]) -> tuple[str, int]:
        if "pattern" in schema or "format" in schema:
            raise InputError(
                "the JSON schema has a string with a pattern or format; use an enum or a plain string"
            )
        self.rules["char"] = f"char ::= {_STRING_CHAR} | {_ESCAPE}"
        least = int(schema.get("minLength", 0))
        most = int(schema.get("maxLength", max(least, DEFAULT_STRING_CHARS)))
        if most < least:
            raise InputError(
                f"the JSON schema has a string of at least {least} and at most {most} characters"
            )
        chars = f"char{{{least}}} " if least else ""
        return f'"\\"" {chars}{self._at_most(most - least)} "\\""', most * _BYTES_PER_CHAR + 2

    def _at_most(self, chars: int) -> str:
        """The rule for up to so many characters, one rule for each number.

        xgrammar works out for every rule beforehand which tokens may come; through `char{0,80}` it goes anew at every token, which took
        thirty times longer (6 ms against 0.2 with 49,000 tokens).
        """
        self.rules.setdefault("most0", 'most0 ::= ""')
        for number in range(1, chars + 1):
            self.rules.setdefault(f"most{number}", f'most{number} ::= "" | char most{number - 1}')
        return f"most{chars}"

    def _integer(self, schema: Mapping[str, Any], path: tuple[str, ...]) -> tuple[str, int]:
        low, high = _integer_bounds(schema)
        if low is not None and high is not None and high - low < _ENUMERATED_INTEGERS:
            return self._literals(list(range(low, high + 1)))
        if low not in (None, 0, 1) or high is not None:
            raise InputError(
                f"the JSON schema wants an integer from {low} to {high}; a range of at most {_ENUMERATED_INTEGERS} "
                "numbers, or a lower bound of 0 or 1 alone, can be kept to"
            )
        sign = '"-"? ' if low is None else ""
        zero = "" if low == 1 else '"0" | '
        return f"{sign}({zero}[1-9] [0-9]{{0,{_DIGITS - 1}}})", _DIGITS + 1

    def _number(self, schema: Mapping[str, Any], path: tuple[str, ...]) -> tuple[str, int]:
        low, high = schema.get("minimum"), schema.get("maximum")
        if (low, high) == (0, 1):
            return '("0" ("." [0-9]{1,4})? | "1" (".0")?)', 6
        if high is not None or low not in (None, 0):
            raise InputError(
                f"the JSON schema wants a number from {low} to {high}; 0 to 1, or a lower bound of 0, can be kept to"
            )
        sign = '"-"? ' if low is None else ""
        return f'{sign}("0" | [1-9] [0-9]{{0,{_DIGITS - 1}}}) ("." [0-9]{{1,4}})?', _DIGITS + 6

    def _literals(self, values: list[Any]) -> tuple[str, int]:
        if not values:
            raise InputError("the JSON schema has an enum without values")
        texts = [json.dumps(value, ensure_ascii=False, separators=(",", ":")) for value in values]
        return "(" + " | ".join(_quoted(text) for text in texts) + ")", max(
            len(text.encode()) for text in texts
        )

    def _named(self, body: str) -> str:
        # Equal expressions share one rule, which xgrammar compiles once.
        for name, rule in self.rules.items():
            if rule == f"{name} ::= {body}":
                return name
        name = f"part{len(self.rules)}"
        self.rules[name] = f"{name} ::= {body}"
        return name


def _integer_bounds(schema: Mapping[str, Any]) -> tuple[int | None, int | None]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        low = int(schema["exclusiveMinimum"]) + 1
    if "exclusiveMaximum" in schema:
        high = int(schema["exclusiveMaximum"]) - 1
    return (None if low is None else int(low)), (None if high is None else int(high))


def _either(options: list[tuple[str, int]]) -> tuple[str, int]:
    return "(" + " | ".join(body for body, _ in options) + ")", max(size for _, size in options)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
