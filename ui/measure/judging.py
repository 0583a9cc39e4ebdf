"""The judge of the command line: its model, its kept judgements, its remark."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from eval.judge.judge import Judge, judge_remark
from eval.judge.judge_cache import JudgementCache
from eval.records import Record
from rag.errors import ModelMissing
from rag.json_text import parse_json
from rag.system.atomic_write import write_text
from ui.console import log_console

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from rag.embedding.embedder import Embedder
    from ui.application import Application

JUDGE_WORKERS = 8
_TOGETHER = 64


def require_ragas() -> None:
    """Check that Ragas is installed.

    Raises:
        ModelMissing: it is not.
    """
    if importlib.util.find_spec("ragas") is None:
        raise ModelMissing(
            "The judged metrics need Ragas, which is not installed. Add it with `lectern setup eval`, or leave --judge out."
        )


def open_judge(name: str, application: Application) -> Judge:
    """Return the judge called `name`, with the judgements of earlier runs.

    Only the embedded one leaves the division of answers into statements to code.
    """
    model = open_judge_model(name, application)
    return Judge(
        model, JudgementCache(judgements_file()), JUDGE_WORKERS, decompose_by_model=name != "embedded"
    )


def open_judge_model(name: str, application: Application) -> BaseChatModel:
    """Return the model called `name` as a judge: greedy and without an adapter.

    The adapter of the embedded model teaches it to answer questions.
    """
    from rag.chat_models import open_chat_model

    chosen = application.settings.model
    waiting = max(chosen.queue_length, _TOGETHER)
    update = {"name": name, "adapter": "none", "temperature": 0.0, "queue_length": waiting}
    return open_chat_model(chosen.model_copy(update=update))


def judgements_file() -> Path:
    """Return the file of judgements, shared by all runs."""
    return Path(platformdirs.user_cache_dir("lectern", appauthor=False)) / "judgements.sqlite"


def remember_check(name: str, found: str) -> None:
    """Keep the result of a check of the judge called `name`, for its remark."""
    checks = _checks()
    path = judgements_file().with_name("judge-checks.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps({**checks, name: found}, ensure_ascii=False, indent=2))


def remark_on(name: str) -> str:
    """Return the remark beside the scores of the judge called `name`."""
    return judge_remark(name, _checks().get(name, ""))


def _checks() -> dict[str, str]:
    try:
        checks = parse_json(judgements_file().with_name("judge-checks.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # never checked, or a damaged note of it: the same as never checked
    return {str(name): str(found) for name, found in checks.items()} if isinstance(checks, dict) else {}


def judge_rescore(records: list[Record], name: str, application: Application) -> list[Record]:
    """Return the records with Ragas' scores; the judge's counts go to stderr."""
    from ui.console import ticking

    judge = open_judge(name, application)
    with ticking("Loading Ragas", 1, "") as tick:
        from eval.judge.ragas_metrics import JUDGED, judge_records, unjudged_scores

        tick()

    async def rescore() -> list[Record]:
        with ticking("Judging", len(JUDGED) * len(records), "scores") as tick:
            judged = await judge_records(records, judge, application.embedder.embed_passages, tick)
        return [record.with_scores(await unjudged_scores(record)) for record in judged]

    rescored = asyncio.run(rescore())
    counts = judge.counts
    log_console().print(
        f"{counts.calls} judge calls, {counts.cached} of them from earlier runs; {counts.unparsable} unparsable, "
        f"{counts.too_long} too long for the judge's context."
    )
    return rescored


def similarity_by(embedder: Embedder) -> Callable[[str, Sequence[str]], float]:
    """Return a function: the highest cosine of an answer to its references."""

    def similarity(answer: str, references: Sequence[str]) -> float:
        vectors = embedder.embed_passages([answer, *references])
        return float((vectors[1:] @ vectors[0]).max())

    return similarity
