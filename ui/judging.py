"""The judge as the command line opens it: which model, where its judgements are kept, and what has to be said about it."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from eval.judge import Judge, judge_remark
from eval.judge_cache import JudgementCache
from eval.records import Record
from rag.errors import ModelMissing
from ui.console import log_console

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from rag.embedder import Embedder
    from ui.application import Application

JUDGE_WORKERS = 8
_TOGETHER = 64


def require_ragas() -> None:
    """Raise when Ragas is not installed.

    Raises:
        ModelMissing: it is not.
    """
    if importlib.util.find_spec("ragas") is None:
        raise ModelMissing(
            "The judged metrics need Ragas, which is not installed. Run `make setup-dev`, or leave --judge out."
        )


def open_judge(name: str, application: Application) -> Judge:
    """The judge called `name`, with the judgements of earlier runs. Only the embedded one leaves taking apart to code."""
    model = open_judge_model(name, application)
    return Judge(
        model, JudgementCache(judgements_file()), JUDGE_WORKERS, decompose_by_model=name != "embedded"
    )


def open_judge_model(name: str, application: Application) -> BaseChatModel:
    """The model called `name` as a judge: greedy, and without the adapter that teaches the embedded one to answer."""
    from rag.chat_models import open_chat_model

    chosen = application.settings.model
    waiting = max(chosen.queue_length, _TOGETHER)
    update = {"name": name, "adapter": "none", "temperature": 0.0, "queue_length": waiting}
    return open_chat_model(chosen.model_copy(update=update))


def judgements_file() -> Path:
    """Where judgements are kept, for all runs."""
    return Path(platformdirs.user_cache_dir("lectern", appauthor=False)) / "judgements.sqlite"


def remember_check(name: str, found: str) -> None:
    """Keep what a check of the judge called `name` found, to be said beside its scores."""
    checks = _checks()
    path = judgements_file().with_name("judge-checks.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**checks, name: found}, ensure_ascii=False, indent=2), encoding="utf-8")


def remark_on(name: str) -> str:
    """What has to be said beside the scores of the judge called `name`."""
    return judge_remark(name, _checks().get(name, ""))


def _checks() -> dict[str, str]:
    try:
        checks = json.loads(judgements_file().with_name("judge-checks.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # never checked, or a damaged note of it: the same as never checked
    return {str(name): str(found) for name, found in checks.items()} if isinstance(checks, dict) else {}


def judge_rescore(records: list[Record], name: str, application: Application) -> list[Record]:
    """The records with Ragas' scores; what the judge did is told on stderr."""
    from ui.evaluation import ticking

    judge = open_judge(name, application)
    with ticking("Loading Ragas", 1, "") as tick:
        from eval.ragas_metrics import JUDGED, judge_records, unjudged_scores

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
    """The highest cosine of an answer to its references, by the library's own embedder."""

    def similarity(answer: str, references: Sequence[str]) -> float:
        vectors = embedder.embed_passages([answer, *references])
        return float((vectors[1:] @ vectors[0]).max())

    return similarity
