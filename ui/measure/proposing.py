"""Proposals for golden questions, from definitions and from the language model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import chain
from random import Random
from typing import TYPE_CHECKING

from eval.golden.drafts import Draft, definition_drafts, model_drafts, spread

if TYPE_CHECKING:
    from ui.application import Application

_SCHEMA = {
    "type": "object",
    "properties": {
        "question": {"type": "string", "minLength": 8, "maxLength": 120},
        "answer": {"type": "string", "minLength": 2, "maxLength": 120},
    },
}
_TRIED_PER_QUESTION = 4


def proposals(application: Application, count: int, with_model: bool) -> Iterator[Draft]:
    """Yield definitions spread over the documents, then questions by the model.

    The model writes about passages drawn at random, and only `with_model`.
    """
    library = application.library
    found = [
        draft for record in library.documents() for draft in definition_drafts(library.document(record.path))
    ]
    written: Iterator[Draft] = iter(())
    if with_model:
        rowids = library.chunk_rowids()
        drawn = Random(0).sample(range(len(rowids)), min(len(rowids), count * _TRIED_PER_QUESTION))
        written = model_drafts(library.chunks([int(rowids[i]) for i in drawn]), _writer(application))
    return chain(spread(found, count * 2), written)


def _writer(application: Application) -> Callable[[str], tuple[str, str]]:
    """Return the language model as a writer of question and answer."""
    from langchain_core.messages import HumanMessage

    def write(passage: str) -> tuple[str, str]:
        prompt = (
            "Write one question that a student can answer from this passage alone, and its answer in the passage's own "
            f"words. Return JSON with question and answer.\n\nPassage: {passage}\nJSON: "
        )
        reply = json.loads(application.model.invoke([HumanMessage(prompt)], response_schema=_SCHEMA).text)
        return reply["question"], reply["answer"]

    return write
