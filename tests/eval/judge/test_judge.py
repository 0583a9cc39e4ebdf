"""The judge: forms that cannot fail to parse, statements that are not copied, judgements that are made once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from eval.judge.judge import Judge, judge_remark
from eval.judge.judge_cache import JudgementCache, judgement_key
from eval.judge.judge_schema import NARROW, Bounds, decomposed, judge_form, prompt_input
from rag.errors import DatasetError, ModelFailed, QuestionError


class StatementVerdict(BaseModel):
    statement: str
    reason: str
    verdict: int


class Verdicts(BaseModel):
    statements: list[StatementVerdict]


class Statements(BaseModel):
    statements: list[str]


class Useful(BaseModel):
    reason: str
    verdict: int


def _prompt(**given: Any) -> str:
    return f"Judge.\n-----\n\nNow perform the same with the following input\ninput: {json.dumps(given, indent=4)}\nOutput: "


def test_the_input_of_a_prompt_is_its_last_one() -> None:
    assert prompt_input(_prompt(statements=["s"])) == {"statements": ["s"]}
    assert prompt_input("no input here") == {}


def test_a_form_bounds_texts_reasons_verdicts_and_lists() -> None:
    form = judge_form(Useful.model_json_schema(), _prompt(), Bounds(text_chars=9, reason_chars=7, items=3))
    assert form.schema["properties"] == {
        "reason": {"type": "string", "minLength": 1, "maxLength": 7},
        "verdict": {"type": "integer", "minimum": 0, "maximum": 1},
    }
    statements = judge_form(Statements.model_json_schema(), _prompt(), Bounds(text_chars=9, items=3)).schema
    assert statements["properties"]["statements"] == {
        "type": "array",
        "minItems": 1,
        "maxItems": 3,
        "items": {"type": "string", "minLength": 1, "maxLength": 9},
    }


def test_a_form_has_one_numbered_place_for_each_statement() -> None:
    form = judge_form(Verdicts.model_json_schema(), _prompt(context="c", statements=["first", "second"]))
    places = form.schema["properties"]["statements"]["prefixItems"]
    assert [place["properties"]["statement"] for place in places] == [{"const": 1}, {"const": 2}]
    filled = form.completed(
        '{"statements":[{"statement":1,"reason":"r","verdict":1},{"statement":2,"reason":"r","verdict":0}]}'
    )
    assert [item["statement"] for item in filled["statements"]] == ["first", "second"]
    with pytest.raises(ValueError, match="1 verdicts on 2 statements"):
        form.completed('{"statements":[{"statement":1,"reason":"r","verdict":1}]}')


def test_forms_for_as_many_statements_are_the_same_so_that_their_grammar_is_compiled_once() -> None:
    a = judge_form(Verdicts.model_json_schema(), _prompt(statements=["a", "b"]))
    b = judge_form(Verdicts.model_json_schema(), _prompt(statements=["c", "d"]))
    assert a.schema == b.schema


def test_sentences_stand_for_the_statements_of_an_answer() -> None:
    prompt = _prompt(question="Why?", answer="It falls. It rises.")
    assert decomposed(Statements.model_json_schema(), prompt) == {"statements": ["It falls.", "It rises."]}
    assert decomposed(Useful.model_json_schema(), prompt) is None
    assert decomposed(Verdicts.model_json_schema(), prompt) is None


def test_a_judgement_is_made_once(tmp_path: Path, schema_model: Callable[..., Any]) -> None:
    model = schema_model()
    for _ in range(2):
        judge = Judge(model, JudgementCache(tmp_path / "j.sqlite"))
        answer = asyncio.run(judge.ask(_prompt(statements=["a", "b"]), Verdicts))
        assert [item.statement for item in answer.statements] == ["a", "b"]
    assert len(model.asked) == 1
    assert (judge.counts.calls, judge.counts.cached) == (1, 1)


def test_taking_apart_costs_no_call_unless_the_model_is_to_do_it(
    tmp_path: Path, schema_model: Callable[..., Any]
) -> None:
    model, cache = schema_model(), JudgementCache(tmp_path / "j.sqlite")
    prompt = _prompt(question="Why?", answer="It falls. It rises.")
    assert asyncio.run(Judge(model, cache).ask(prompt, Statements)).statements == ["It falls.", "It rises."]
    assert not model.asked
    assert asyncio.run(Judge(model, cache, decompose_by_model=True).ask(prompt, Statements)).statements == [
        "because"
    ]
    assert len(model.asked) == 1


def test_a_model_that_breaks_its_form_is_counted(tmp_path: Path, schema_model: Callable[..., Any]) -> None:
    model = schema_model()
    model.invoke = lambda *_, **__: type("Message", (), {"text": '{"reason": "cut'})()
    judge = Judge(model, JudgementCache(tmp_path / "j.sqlite"))
    with pytest.raises(ModelFailed, match="not the JSON"):
        asyncio.run(judge.ask(_prompt(), Useful))
    assert judge.counts.unparsable == 1
    assert judge._cache.get(judgement_key("schema-model", _prompt(), "")) is None


def test_a_prompt_without_room_is_tried_with_shorter_reasons(
    tmp_path: Path, schema_model: Callable[..., Any]
) -> None:
    model = schema_model()
    answer = model.invoke

    def refuse_long(messages: Any, *, response_schema: dict[str, Any], **more: Any) -> Any:
        if response_schema["properties"]["reason"]["maxLength"] > NARROW.reason_chars:
            raise QuestionError("too long")
        return answer(messages, response_schema=response_schema, **more)

    model.invoke = refuse_long
    judge = Judge(model, JudgementCache(tmp_path / "j.sqlite"))
    assert asyncio.run(judge.ask(_prompt(), Useful)).verdict == 1
    assert judge.counts.too_long == 0


def test_keys_depend_on_model_prompt_and_schema() -> None:
    keys = {
        judgement_key(*parts)
        for parts in (("m", "p", "s"), ("n", "p", "s"), ("m", "q", "s"), ("m", "p", "t"), ("mp", "", "s"))
    }
    assert len(keys) == 5


def test_a_cache_that_is_something_else_is_said(tmp_path: Path) -> None:
    (tmp_path / "j.sqlite").write_text("my thesis " * 200)
    with pytest.raises(DatasetError, match="cannot be used"):
        JudgementCache(tmp_path / "j.sqlite")


def test_every_judge_is_introduced_with_what_was_found_about_it() -> None:
    assert "135 million parameters" in judge_remark("embedded", "it agrees with 52%.")
    assert "it agrees with 52%." in judge_remark("embedded", "it agrees with 52%.")
    assert "judge-check --judge llama3-8b" in judge_remark("llama3-8b", "")
    assert "135" not in judge_remark("llama3-8b", "")
