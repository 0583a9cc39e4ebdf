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
    from rag.chain import AnswerChain, Question
    from rag.types import Answer
    from ui.application import Application
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
    exact: Annotated[
        bool, typer.Option("--exact", help="Search the question as typed: repair and complete nothing.")
    ] = False,
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="Search all notes even where the question names a part.")
    ] = False,
    questions: QuestionsOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question from the notes, with checked citations.

    The answer streams; Ctrl-C stops it. The cited passages follow, with their places in the notes. In bulk:
    --questions FILE.jsonl --out FILE.jsonl.
    """
    from rag.search.scope import parse_scope
    from ui.application import Application, load
    from ui.question_logging import log_answer

    if (question is None) == (questions is None):
        raise typer.BadParameter("give one question, or --questions FILE for many")
    limits = parse_scope(scope or [])
    application = Application(
        load(library, config, model__name=model, model__adapter=adapter, answer__passages=passages)
    )
    application.check_scope(limits)  # so that errors are reported before a model is loaded
    chain = application.chain(limits)
    if questions is not None:
        _ask_in_bulk(chain, questions, out, exact, everywhere)
    elif as_json:
        from ui.answer_text import answer_record
        from ui.console import print_result, to_json

        answer = chain.invoke({"question": question or "", "exact": exact, "everywhere": everywhere})
        log_answer(application.folder, application.settings, answer)
        print_result(to_json(answer_record("", answer)))
    else:
        asked: Question = {"question": question or "", "exact": exact, "everywhere": everywhere}
        log_answer(application.folder, application.settings, _ask_one(chain, asked))
        _offer(application)


def _ask_one(chain: AnswerChain, question: Question) -> Answer:
    from rich.live import Live
    from rich.text import Text

    from rag.events import Closest, Done, Retrieved, Rewritten, Searched, Token
    from ui.answer_text import answer_panel
    from ui.console import log_console, result_console

    console, log = result_console(), log_console()
    streamed = ""
    with Live("", console=console, transient=True, refresh_per_second=15) as live:
        for event in chain.stream(question):
            if isinstance(event, Rewritten) and event.question != question["question"].strip():
                log.print(f"Understood as: {event.question} (--exact searches as typed)", style="dim")
            elif isinstance(event, Searched):
                live.update(Text(f"Reading {len(event.hits)} passages...", style="dim"))
            elif isinstance(event, Retrieved):
                live.update(Text(f"Reading {event.shown} passages...", style="dim"))
            elif isinstance(event, Closest):
                lines = f"Closest in your notes, while the model writes:\n\n{event.text}"
                live.update(Text(lines, style="dim"))
            elif isinstance(event, Token):
                streamed += event.text
                live.update(Text(streamed))
            elif isinstance(event, Done):
                answer = event.answer
    if answer.scope is not None:
        log.print(f"From: {answer.scope.label} (--everywhere searches all notes)", style="dim")
    console.print(answer_panel(answer))
    return answer


def _offer(application: Application) -> None:
    from ui.better_model import better_model_line
    from ui.console import log_console

    if line := better_model_line(application.settings.model, "ask"):
        log_console().print(line, style="dim", soft_wrap=True)


def _ask_in_bulk(
    chain: AnswerChain, questions: Path, out: Path | None, exact: bool, everywhere: bool
) -> None:
    from ui.answer_text import answer_record
    from ui.bulk import run_in_bulk
    from ui.questions import read_questions

    def answer_one(asked: AskedQuestion) -> dict[str, Any]:
        answer: Answer = chain.invoke(
            {
                "question": asked.question,
                "history": asked.history,
                "exact": exact,
                "everywhere": everywhere,
            }
        )
        return answer_record(asked.id, answer)

    run_in_bulk(read_questions(questions), answer_one, out, "Asking")
