"""Fakes of the evaluation room: golden questions, records, and a judge that answers whatever its schema allows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from eval.golden.golden_file import GoldenQuestion
from eval.records import Record


@pytest.fixture
def make_question() -> Callable[..., GoldenQuestion]:
    """A golden question with one span unless told otherwise."""

    def make(identifier: str = "q1", **fields: Any) -> GoldenQuestion:
        usual = {
            "question": f"What is {identifier}?",
            "gold": [{"document": "note.md", "start": 0, "end": 10}],
        }
        if fields.get("unanswerable"):
            usual["gold"] = []
        return GoldenQuestion.model_validate({"id": identifier, **usual, **fields})

    return make


@pytest.fixture
def make_record() -> Callable[..., Record]:
    """A record with the scores given by keyword (`recall` stands for recall@5)."""

    def make(identifier: str, seconds: float = 1.0, **scores: float | None) -> Record:
        named = {("recall@5" if name == "recall" else name): value for name, value in scores.items()}
        return Record(identifier, f"What is {identifier}?", named, seconds)

    return make


class SchemaModel:
    """A model that fills every schema with the least it allows, and counts how often it was asked."""

    fingerprint = "schema-model"

    def __init__(self, verdict: int = 1) -> None:
        self.verdict = verdict
        self.asked: list[str] = []
        self.schemas: list[dict[str, Any]] = []

    def invoke(self, messages: Any, *, response_schema: dict[str, Any], **_: Any) -> Any:
        self.asked.append(messages[0].content)
        self.schemas.append(response_schema)
        text = json.dumps(self._fill(response_schema))
        return type("Message", (), {"text": text})()

    def _fill(self, schema: dict[str, Any]) -> Any:
        if "const" in schema:
            return schema["const"]
        kind = schema["type"]
        if kind == "object":
            return {name: self._fill(part) for name, part in schema["properties"].items()}
        if kind == "array":
            return [self._fill(item) for item in schema.get("prefixItems", [schema["items"]])]
        return self.verdict if kind == "integer" else "because"


@pytest.fixture
def schema_model() -> Callable[..., SchemaModel]:
    """The class of a model that obeys every schema."""
    return SchemaModel
