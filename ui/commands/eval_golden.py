"""`lectern eval golden`: write, check and propose golden questions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui.options import ConfigOption, JsonOption, LibraryOption

if TYPE_CHECKING:
    from eval.golden.golden_file import GoldenQuestion

FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="The golden file, JSON lines.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    golden = typer.Typer(help="Write, check and propose golden questions.", no_args_is_help=True)
    golden.command("add")(add)
    golden.command("validate")(validate)
    golden.command("draft")(draft)
    app.add_typer(golden, name="golden")


def add(
    file: FileArgument,
    question: Annotated[str | None, typer.Argument(help="The question.", show_default=False)] = None,
    answer: Annotated[
        str | None, typer.Option("--answer", help="The right answer.", show_default=False)
    ] = None,
    document: Annotated[
        str | None, typer.Option("--document", help="The note with the answer.", show_default=False)
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", help="The words in that note that answer it.", show_default=False)
    ] = None,
    unanswerable: Annotated[
        bool, typer.Option("--unanswerable", help="The notes do not have the answer.")
    ] = False,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", help="A tag; may be repeated.", show_default=False)
    ] = None,
    identifier: Annotated[
        str | None, typer.Option("--id", help="An id of your own.", show_default=False)
    ] = None,
    from_feedback: Annotated[
        bool, typer.Option("--from-feedback", help="Add every answer that was judged in the app.")
    ] = False,
    from_study: Annotated[
        bool, typer.Option("--from-study", help="Add every study item that was approved.")
    ] = False,
    from_answer: Annotated[
        Path | None,
        typer.Option(
            "--from-answer",
            metavar="FILE",
            help="An answer saved from `lectern ask --json`.",
            show_default=False,
        ),
    ] = None,
    verdict: Annotated[
        str,
        typer.Option(
            "--verdict",
            help="good, wrong-answer, wrong-source, should-have-refused or missing (with --from-answer).",
        ),
    ] = "wrong-answer",
    library: LibraryOption = None,
    config: ConfigOption = None,
) -> None:
    """Add a golden question, typed in or made from a judged answer.

    The answer is a saved one (--from-answer) or every one judged in the app (--from-feedback); --from-study takes
    the approved items of `lectern study`.
    """
    from eval.golden.feedback import golden_from_answer, parse_verdict
    from eval.golden.golden_file import append_golden
    from ui.application import Application, load
    from ui.console import print_result
    from ui.measure.golden_making import add_from_feedback, gold_spans, question_from_words, read_answer

    application = Application(load(library, config))
    if from_study:
        from ui.measure.golden_from_study import add_from_study

        add_from_study(application, file)
        return
    if from_feedback:
        add_from_feedback(application, file)
        return
    spans = gold_spans(application, document, text)
    if from_answer is not None:
        judged = parse_verdict(verdict)
        made = golden_from_answer(read_answer(from_answer), judged, right_answer=answer or "", gold=spans)
    elif question is not None:
        made = question_from_words(question, answer, spans, unanswerable, tag or [], identifier)
    else:
        raise typer.BadParameter("give a question, --from-answer FILE, --from-feedback or --from-study")
    append_golden(file, made)
    print_result(f"Added {made.id} to {file}.")


def validate(
    file: FileArgument,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a golden file: its form and its gold spans.

    The spans are checked against the documents of the library.

    Exit 1 when something is wrong.
    """
    from eval.golden.gold_match import anchor_gold
    from eval.golden.golden_file import read_golden, unknown_keys
    from rag.errors import DatasetError, LibraryMissing
    from ui.application import Application, load
    from ui.console import log_console, print_result, to_json

    questions = read_golden(file)
    ignored = unknown_keys(file)
    application = Application(load(library, config))
    try:
        paths = [document.path for document in application.library.documents()]
        gold = anchor_gold(questions, paths, lambda path: application.library.document(path).text)
        problems = list(gold.problems)
    except LibraryMissing:
        log_console().print("There is no library, so only the form was checked.", style="yellow")
        problems = []
    unanswerable = sum(question.unanswerable for question in questions)
    if as_json:
        found = {
            "n": len(questions),
            "unanswerable": unanswerable,
            "problems": problems,
            "ignored_keys": ignored,
        }
        print_result(to_json(found))
    else:
        print_result(f"{len(questions)} questions, {unanswerable} of them unanswerable.")
        for key, number in ignored.items():
            print_result(f"{file}:{number}: the key `{key}` is unknown and was ignored.")
        for problem in problems:
            print_result(f"{problem.question_id}: {problem.document}: {problem.reason}.")
    if problems:
        raise DatasetError(
            f"{len(problems)} gold spans of {file} cannot be used as they are. Correct them as the lines above say."
        )


def draft(
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="File for the proposals.", show_default=False)
    ],
    count: Annotated[int, typer.Option("--count", min=1, help="Questions proposed.")] = 30,
    with_model: Annotated[
        bool,
        typer.Option("--with-model", help="Let the language model write questions, not only definitions."),
    ] = False,
    unanswerable_from: Annotated[
        Path | None,
        typer.Option(
            "--unanswerable-from",
            metavar="FILE",
            help="A golden file of another course, to take unanswerable questions from.",
            show_default=False,
        ),
    ] = None,
    unanswerable: Annotated[
        int, typer.Option("--unanswerable", min=1, help="Number of those questions.")
    ] = 10,
    library: LibraryOption = None,
    config: ConfigOption = None,
) -> None:
    """Propose golden questions from the notes.

    A person accepts or deletes them. A question is kept only if the retriever finds its passage and the
    passage has its answer. All are tagged `draft`.
    """
    from eval.golden.drafts import kept_drafts, unanswerable_drafts
    from eval.golden.golden_file import append_golden, read_golden
    from ui.application import Application, load
    from ui.console import print_result, ticking
    from ui.measure.evaluation import require_documents
    from ui.measure.proposing import proposals

    application = Application(load(library, config))
    require_documents(application)
    existing = {question.question for question in read_golden(out)} if out.exists() else set()
    written: list[GoldenQuestion] = []
    with ticking("Proposing", count, "questions") as tick:
        proposed = proposals(application, count, with_model)
        for question in kept_drafts(proposed, lambda text: application.searcher.search(text, 10), existing):
            written.append(question)
            tick()
            if len(written) == count:
                break
    if unanswerable_from is not None:
        written += unanswerable_drafts(read_golden(unanswerable_from), unanswerable)
    for question in written:
        if question.question not in existing:
            append_golden(out, question)
    print_result(
        f"{len(written)} proposals in {out}. Read them, delete the bad ones, and remove the tag `draft`."
    )
