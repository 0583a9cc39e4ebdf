"""`lectern search`: passages for a question, with the reasons for their ranks."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.options import ConfigOption, JsonOption, LibraryOption, OutOption, QuestionsOption, ScopeOption

if TYPE_CHECKING:
    from rag.search.explain import Explanation
    from rag.search.scope import Scope
    from rag.search.searcher import Searcher
    from rag.types import Hit

SHOWN_CHARS = 300


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("search")(search)


def search(
    query: Annotated[str | None, typer.Argument(help="The question or words.", show_default=False)] = None,
    k: Annotated[
        int | None, typer.Option("-k", min=1, max=1000, help="Passages returned.", show_default=False)
    ] = None,
    scope: ScopeOption = None,
    explain_document: Annotated[
        str | None,
        typer.Option(
            "--explain-document",
            metavar="PATH",
            help="Explain the rank of this document.",
            show_default=False,
        ),
    ] = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    questions: QuestionsOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find passages by meaning and by words, best first.

    In bulk: --questions FILE.jsonl --out FILE.jsonl.
    """
    from rag.search.scope import parse_scope
    from ui.application import Application, load

    if (query is None) == (questions is None):
        raise typer.BadParameter("give one question, or --questions FILE for many")
    if explain_document is not None and query is None:
        raise typer.BadParameter("--explain-document needs one question")
    limits = parse_scope(scope or [])
    searcher = Application(load(library, config, retrieval__k=k)).searcher
    if questions is not None:
        _search_in_bulk(searcher, questions, out, limits)
    elif explain_document is not None:
        _explain(searcher, query or "", explain_document, limits, as_json)
    else:
        _search_one(searcher, query or "", limits, as_json)


def search_record(identifier: str, question: str, hits: list[Hit], seconds: float) -> dict[str, Any]:
    """Return a search in the form of the interface."""
    from ui.answer_text import hit_record

    return {
        "id": identifier,
        "question": question,
        "hits": [hit_record(hit) for hit in hits],
        "seconds": round(seconds, 6),
    }


def _search_one(searcher: Searcher, query: str, scope: Scope, as_json: bool) -> None:
    from ui.console import print_result, result_console, to_json

    start = perf_counter()
    hits = searcher.search(query, scope=scope)
    seconds = perf_counter() - start
    if as_json:
        print_result(to_json(search_record("", query, hits, seconds)))
        return
    console = result_console()
    for rank, hit in enumerate(hits, start=1):
        console.print(_passage(rank, hit))
    console.print(
        f"{len(hits)} passages, {seconds:.2f} s" if hits else "No passage of the notes matches.", style="dim"
    )


def _search_in_bulk(searcher: Searcher, questions: Path, out: Path | None, scope: Scope) -> None:
    """Search on every core.

    A question's line is written in its turn; its seconds are those of its own search.
    """
    from rag.search.searcher import workers
    from ui.bulk import run_in_bulk
    from ui.questions import AskedQuestion, read_questions

    def answer(asked: AskedQuestion) -> dict[str, Any]:
        start = perf_counter()
        hits = searcher.search(asked.question, scope=scope)
        return search_record(asked.id, asked.question, hits, perf_counter() - start)

    listed = read_questions(questions)
    with workers() as pool:
        waiting = deque(pool.submit(answer, asked) for asked in listed)
        run_in_bulk(listed, lambda asked: waiting.popleft().result(), out, "Searching")


def _explain(searcher: Searcher, query: str, document: str, scope: Scope, as_json: bool) -> None:
    from rag.search.explain import explain
    from ui.console import print_result, result_console, to_json

    explanation = explain(searcher, query, document, scope=scope)
    if as_json:
        print_result(to_json(explanation_record(query, explanation)))
        return
    console = result_console()
    console.print(explanation.verdict, style="bold")
    console.print(_passage(explanation.rank or 0, explanation.hit))
    if explanation.last_shown is not None and explanation.missing_score > 0:
        console.print("The last passage that is shown instead:", style="dim")
        console.print(_passage(explanation.shown, explanation.last_shown))
    if explanation.absent_terms:
        console.print(f"In no note at all: {', '.join(explanation.absent_terms)}", style="yellow")


def explanation_record(query: str, explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as JSON.

    It has the passage, its rank, its missing score and terms, and the last passage shown.
    """
    from ui.answer_text import hit_record

    last = explanation.last_shown
    return {
        "question": query,
        "document": explanation.hit.chunk.document,
        "verdict": explanation.verdict,
        "rank": explanation.rank,
        "shown": explanation.shown,
        "missing_score": explanation.missing_score,
        "missing_terms": list(explanation.missing_terms),
        "absent_terms": list(explanation.absent_terms),
        "copy_of": explanation.copy_of,
        "hit": hit_record(explanation.hit),
        "last_shown": None if last is None else hit_record(last),
    }


def _was_reranked(hit: Hit) -> bool:
    return hit.why.rerank_score is not None and hit.why.fused_score is not None


def _passage(rank: int, hit: Hit) -> Any:
    from rich.padding import Padding
    from rich.text import Text

    why = hit.why
    reasons = [f"cosine {why.dense_score:.2f}" if why.dense_score is not None else ""]
    reasons.append(f"by meaning #{why.dense_rank}" if why.dense_rank else "")
    reasons.append(f"by words #{why.lexical_rank}" if why.lexical_rank else "")
    reasons.append(f"words: {', '.join(why.matched_terms)}" if why.matched_terms else "")
    reasons.append(f"{why.fused_score:.3f} before the reranker" if _was_reranked(hit) else "")
    short = " ".join(hit.chunk.text.split())
    if len(short) > SHOWN_CHARS:
        short = short[:SHOWN_CHARS].rsplit(" ", 1)[0] + " ..."
    mark = f"{rank:>2}. " if rank else " -  "
    return Padding(
        Text.assemble(
            (mark, "bold"),
            (hit.chunk.label, "cyan"),
            f"  {hit.score:.3f}  ",
            ("; ".join(filter(None, reasons)), "dim"),
            "\n",
            short,
        ),
        (0, 0, 1, 0),
    )
