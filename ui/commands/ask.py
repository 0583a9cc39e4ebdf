"""`lectern ask`: one question answered from the notes, or a file of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.options import (
    AdapterOption,
    ConfigOption,
    JsonOption,
    LibraryOption,
    ModelOption,
    OutOption,
    QuestionsOption,
    ScopeOption,
)

if TYPE_CHECKING:
    from rag.chain import AnswerChain
    from rag.types import Answer
    from ui.questions import AskedQuestion


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("ask")(ask)


def ask(
    question: Annotated[str | None, typer.Argument(help="The question.", show_default=False)] = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    model: ModelOption = None,
    adapter: AdapterOption = None,
    scope: ScopeOption = None,
    passages: Annotated[
        int | None, typer.Option("--passages", min=1, help="Passages shown to the model.", show_default=False)
    ] = None,
    questions: QuestionsOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question from the notes, with citations that are checked.

    The answer streams; Ctrl-C stops it. Under it stand the passages it cites, with their places in the notes. In bulk:
    --questions FILE.jsonl --out FILE.jsonl.
    """
    from rag.scope import parse_scope
    from ui.application import Application, load

    if (question is None) == (questions is None):
        raise typer.BadParameter("give one question, or --questions FILE for many")
    limits = parse_scope(scope or [])
    application = Application(
        load(library, config, model__name=model, model__adapter=adapter, answer__passages=passages)
    )
    application.check_scope(limits)  # it and a missing library are told before a model is loaded
    chain = application.chain(limits)
    if questions is not None:
        _ask_in_bulk(chain, questions, out)
    elif as_json:
        from ui.answer_text import answer_record
        from ui.console import print_result, to_json

        answer = chain.invoke({"question": question or ""})
        print_result(to_json(answer_record("", answer)))
    else:
        _ask_one(chain, question or "")


def _ask_one(chain: AnswerChain, question: str) -> None:
    from rich.live import Live
    from rich.text import Text

    from rag.chain_events import Done, Retrieved, Rewritten, Token
    from ui.answer_text import answer_panel
    from ui.console import log_console, result_console

    console, log = result_console(), log_console()
    streamed = ""
    with Live("", console=console, transient=True, refresh_per_second=15) as live:
        for event in chain.stream({"question": question}):
            if isinstance(event, Rewritten) and event.question != question.strip():
                log.print(f"Searching for: {event.question}", style="dim")
            elif isinstance(event, Retrieved):
                live.update(Text(f"Reading {event.shown} passages...", style="dim"))
            elif isinstance(event, Token):
                streamed += event.text
                live.update(Text(streamed))
            elif isinstance(event, Done):
                answer = event.answer
    console.print(answer_panel(answer))


def _ask_in_bulk(chain: AnswerChain, questions: Path, out: Path | None) -> None:
    from ui.answer_text import answer_record
    from ui.bulk import run_in_bulk
    from ui.questions import read_questions

    def answer_one(asked: AskedQuestion) -> dict[str, Any]:
        answer: Answer = chain.invoke({"question": asked.question, "history": asked.history})
        return answer_record(asked.id, answer)

    run_in_bulk(read_questions(questions), answer_one, out, "Asking")
