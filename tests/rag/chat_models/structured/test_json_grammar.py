"""A JSON schema as a grammar: what it allows, and that nothing it allows is longer than promised."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rag.chat_models.structured.json_grammar import json_grammar
from rag.errors import InputError

VERDICT = {
    "type": "object",
    "properties": {
        "verdict": {"enum": ["yes", "no"]},
        "score": {"type": "integer", "minimum": 0, "maximum": 10},
        "why": {"type": "string", "maxLength": 20},
    },
}


def test_every_property_in_order_without_white_space() -> None:
    grammar = json_grammar(VERDICT)
    assert r'"{\"verdict\":" ("\"yes\"" | "\"no\"")' in grammar.ebnf
    assert r'",\"why\":" "\"" most20 "\""' in grammar.ebnf
    assert 'most20 ::= "" | char most19' in grammar.ebnf
    longest = '{"verdict":"yes","score":10,"why":"' + "x" * 20 + '"}'
    assert grammar.max_tokens == len(longest) + 3 * 20 + 1


@pytest.mark.parametrize(
    ("schema", "size"),
    [
        ({"type": "boolean"}, 5),
        ({"type": "null"}, 4),
        ({"const": "é"}, 4),
        ({"type": ["string", "null"], "maxLength": 1}, 6),
        ({"type": "array", "items": {"type": "boolean"}, "maxItems": 2}, 2 + 2 * 6),
        ({"type": "integer", "minimum": 8, "maximum": 12}, 2),
        ({"type": "number", "minimum": 0, "maximum": 1}, 6),
    ],
)
def test_the_longest_text_in_bytes(schema: dict[str, Any], size: int) -> None:
    assert json_grammar(schema).max_tokens == size + 1


def test_references_of_pydantic_are_followed() -> None:
    schema = {
        "$defs": {"Mark": {"type": "object", "properties": {"ok": {"type": "boolean"}}}},
        "type": "object",
        "properties": {"marks": {"type": "array", "items": {"$ref": "#/$defs/Mark"}, "maxItems": 3}},
    }
    assert r'"{\"ok\":" ("true" | "false") "}"' in json_grammar(schema).ebnf


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "object"}, "without properties"),
        ({"type": "string", "pattern": "a+"}, "pattern"),
        ({"$defs": {"n": {"$ref": "#/$defs/n"}}, "$ref": "#/$defs/n"}, "refers to itself"),
        ({"$ref": "#/$defs/none"}, "does not define"),
        ({"enum": []}, "without values"),
        ({"type": "string", "minLength": 5, "maxLength": 3}, "at least 5 and at most 3"),
        ({"type": "integer", "minimum": 5}, "from 5 to None"),
        ({"type": "number", "maximum": 9}, "from None to 9"),
        ({}, "type None"),
    ],
)
def test_what_has_no_bounded_grammar_is_refused(schema: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        json_grammar(schema)


@pytest.mark.model
def test_xgrammar_accepts_just_the_texts_of_the_schema() -> None:
    import xgrammar

    schema = {
        "type": "object",
        "properties": {
            "v": {"enum": ["a", 'q"\\']},
            "n": {"type": "integer"},
            "f": {"type": "number"},
            "p": {"type": "number", "minimum": 0, "maximum": 1},
            "s": {"type": "string", "minLength": 1, "maxLength": 3},
            "l": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 3}, "maxItems": 2},
        },
    }
    grammar = xgrammar.Grammar.from_ebnf(json_grammar(schema).ebnf)

    def accepted(text: str) -> bool:
        return bool(xgrammar.testing._is_grammar_accept_string(grammar, text))

    good = {"v": 'q"\\', "n": -12, "f": 0.5, "p": 1, "s": 'é"\n', "l": [1, 3]}
    assert accepted(json.dumps(good, ensure_ascii=False, separators=(",", ":")))
    assert accepted(json.dumps(good | {"l": [], "p": 0.1234}, ensure_ascii=False, separators=(",", ":")))
    for bad in ({"v": "b"}, {"n": 1.5}, {"p": 2}, {"s": ""}, {"s": "abcd"}, {"l": [1, 2, 3]}, {"l": [4]}):
        assert not accepted(json.dumps(good | bad, ensure_ascii=False, separators=(",", ":"))), bad
    assert not accepted(json.dumps(good))
