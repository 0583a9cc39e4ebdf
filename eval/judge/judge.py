"""The judge: a local chat model whose answers follow a bounded schema.

Judgements are cached on disk, and several questions are asked at a time. The module knows nothing of Ragas
but its response models' JSON schemas; `eval.judge.ragas_metrics` passes Ragas' prompts.
"""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from eval.judge.judge_cache import JudgementCache, judgement_key
from eval.judge.judge_schema import NARROW, USUAL, Bounds, decomposed, judge_form
from rag.errors import ModelFailed, QuestionError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

T = TypeVar("T", bound=BaseModel)

WEAKNESS = (
    "The embedded judge has 135 million parameters. Its answers always parse, and that is all that is certain: it distinguishes "
    "right from wrong hardly better than chance. Read its scores as a check that the machinery runs; for judgements choose a larger "
    "local model with --judge."
)


def judge_remark(name: str, checked: str) -> str:
    """Return the remark shown beside every score of the judge called `name`.

    `checked` is the last result of `lectern eval judge-check` in words, empty when it was never checked.
    """
    parts = [
        WEAKNESS if name == "embedded" else f"Judged by {name}.",
        f"When it was checked: {checked}"
        if checked
        else f"How far it agrees with people was never measured here; `lectern eval judge-check --judge {name}` does.",
    ]
    return " ".join(parts)


@dataclass(slots=True)
class JudgeCounts:
    """Counts of a judge's calls: answered, cached, and without a usable answer."""

    calls: int = 0
    cached: int = 0
    unparsable: int = 0
    too_long: int = 0


class Judge:
    """A chat model that fills in response models.

    `workers` calls run at a time: as many as the engine decodes together. With `decompose_by_model` the
    model divides answers into statements, as in Ragas; without it their sentences are the statements, which
    a model too small to follow that prompt needs (it repeats the prompt's examples).
    """

    def __init__(
        self,
        model: BaseChatModel,
        cache: JudgementCache,
        workers: int = 8,
        bounds: Bounds = USUAL,
        decompose_by_model: bool = False,
    ) -> None:
        self._model = model
        self._cache = cache
        self._bounds = bounds
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="lectern-judge")
        self._decompose_by_model = decompose_by_model
        self.counts = JudgeCounts()

    async def ask(self, prompt: str, response_model: type[T]) -> T:
        """Return the judge's answer to a prompt, as the response model.

        Raises:
            QuestionError: prompt and answer do not fit the model's context, even with short reasons.
            ModelFailed: the model broke its schema.
        """
        if not self._decompose_by_model:
            parts = decomposed(response_model.model_json_schema(), prompt)
            if parts is not None:
                return response_model.model_validate(parts)
        try:
            return await self._ask_within(prompt, response_model, self._bounds)
        except QuestionError:
            pass
        try:
            return await self._ask_within(prompt, response_model, NARROW)
        except QuestionError:
            self.counts.too_long += 1
            raise

    async def _ask_within(self, prompt: str, response_model: type[T], bounds: Bounds) -> T:
        form = judge_form(response_model.model_json_schema(), prompt, bounds)
        key = judgement_key(
            str(getattr(self._model, "fingerprint", self._model)), prompt, json.dumps(form.schema)
        )
        kept = self._cache.get(key)
        if kept is not None:
            self.counts.calls += 1
            self.counts.cached += 1
            return response_model.model_validate(form.completed(kept))
        text = await self._generate(prompt, form.schema)
        self.counts.calls += 1
        try:
            answer = response_model.model_validate(form.completed(text))
        except ValueError as exc:
            self.counts.unparsable += 1
            raise ModelFailed(
                f"the judge answered {text[:80]!r}, which is not the JSON of its schema"
            ) from exc
        self._cache.put(key, text)
        return answer

    async def _generate(self, prompt: str, schema: dict[str, Any]) -> str:
        def generate() -> str:
            from langchain_core.messages import HumanMessage

            return self._model.invoke([HumanMessage(prompt)], response_schema=schema, temperature=0.0).text

        return await asyncio.get_running_loop().run_in_executor(self._threads, generate)
