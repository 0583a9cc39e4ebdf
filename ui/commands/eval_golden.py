"""`lectern eval golden`: write, check and propose golden questions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.options import ConfigOption, JsonOption, LibraryOption

if TYPE_CHECKING:
    from eval.golden import GoldenQuestion, GoldSpan
    from ui.application import Application

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
        str | None, typer.Option("--document", help="The note that holds the answer.", show_default=False)
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", help="The words in that note that answer it.", show_default=False)
    ] = None,
    unanswerable: Annotated[
        bool, typer.Option("--unanswerable", help="The notes do not hold the answer.")
    ] = False,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", help="A tag; may be repeated.", show_default=False)
    ] = None,
    identifier: Annotated[
        str | None, typer.Option("--id", help="An id of your own.", show_default=False)
    ] = None,
    from_feedback: Annotated[
        bool, typer.Option("--from-feedback", help="Take every answer that was judged in the app.")
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
    """Add a golden question: from words, from an answer that was wrong, or from what was said in the app."""
    from eval.golden import append_golden
    from ui.application import Application, load
    from ui.console import print_result

    application = Application(load(library, config))
    if from_feedback:
        _add_from_feedback(application, file)
        return
    spans = _spans(application, document, text)
    if from_answer is not None:
        made = _from_answer(_read_answer(from_answer), verdict, answer or "", spans)
    elif question is not None:
        made = _from_words(question, answer, spans, unanswerable, tag or [], identifier)
    else:
        raise typer.BadParameter("give a question, --from-answer FILE or --from-feedback")
    append_golden(file, made)
    print_result(f"Added {made.id} to {file}.")


def validate(
    file: FileArgument,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a golden file: its form, and that each gold span stands in the library where it says.

    Exit 1 when something is wrong.
    """
    from eval.gold_match import anchor_gold
    from eval.golden import read_golden, unknown_keys
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
            print_result(f"{file}:{number}: the key `{key}` is not one of a golden file and is not read.")
        for problem in problems:
            print_result(f"{problem.question_id}: {problem.document}: {problem.reason}.")
    if problems:
        raise DatasetError(f"{len(problems)} gold spans of {file} cannot be used as they stand.")


def draft(
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Where proposals go.", show_default=False)
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
            help="A golden file of another course, whose questions these notes cannot answer.",
            show_default=False,
        ),
    ] = None,
    unanswerable: Annotated[int, typer.Option("--unanswerable", min=1, help="How many of those.")] = 10,
    library: LibraryOption = None,
    config: ConfigOption = None,
) -> None:
    """Propose golden questions from the notes, for a person to accept or delete.

    Kept is only what the retriever finds and whose answer stands in its passage. Everything is tagged `draft`.
    """
    from eval.drafts import kept_drafts, unanswerable_drafts
    from eval.golden import append_golden, read_golden
    from ui.application import Application, load
    from ui.console import print_result
    from ui.evaluation import require_documents, ticking
    from ui.proposing import proposals

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


def _spans(application: Application, document: str | None, text: str | None) -> list[GoldSpan]:
    """The span of `text` in a document of the library, as a list of one; empty when neither is given."""
    from eval.gold_match import find_text, resolve_document
    from eval.golden import GoldSpan
    from rag.errors import InputError

    if document is None and text is None:
        return []
    if document is None or not (text or "").strip():
        raise typer.BadParameter("--document and --text belong together")
    path = resolve_document(document, [known.path for known in application.library.documents()])
    if path is None:
        raise InputError(
            f"The library has no one document {document!r}. `lectern documents list` shows what it has."
        )
    content = application.library.document(path).text
    found = find_text(text or "", content)
    if len(found) != 1:
        raise InputError(
            f"The text stands {len(found)} times in {path}, expected once. Give the exact words, and enough of them."
        )
    start, end = found[0]
    return [GoldSpan(document=path, start=start, end=end, text=content[start:end])]


def _from_words(
    question: str,
    answer: str | None,
    spans: list[GoldSpan],
    unanswerable: bool,
    tags: list[str],
    identifier: str | None,
) -> GoldenQuestion:
    from pydantic import ValidationError

    from eval.golden import GoldenQuestion, question_id
    from rag.errors import InputError

    try:
        return GoldenQuestion(
            id=identifier or question_id(question),
            question=question,
            answer=answer,
            gold=tuple(spans),
            unanswerable=unanswerable,
            tags=tuple(tags),
        )
    except ValidationError as exc:
        reason = exc.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError(
            f"{reason[:1].upper()}{reason[1:]}: --answer, --document with --text, or --unanswerable."
        ) from exc


def _from_answer(
    answer: dict[str, Any], verdict: str, right_answer: str, spans: list[GoldSpan]
) -> GoldenQuestion:
    from eval.feedback import golden_from_answer, parse_verdict

    return golden_from_answer(answer, parse_verdict(verdict), right_answer=right_answer, gold=spans)


def _read_answer(path: Path) -> dict[str, Any]:
    from rag.errors import DatasetError

    try:
        answer = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise DatasetError(
            f"{path} is no answer ({exc}). Save one with `lectern ask ... --json > {path}`."
        ) from exc
    if not isinstance(answer, dict) or "question" not in answer:
        raise DatasetError(
            f"{path} is no answer: it has no `question`. Save one with `lectern ask ... --json > {path}`."
        )
    return answer


def _add_from_feedback(application: Application, file: Path) -> None:
    """Add every judged answer that says enough; name the rest."""
    from eval.feedback import golden_from_answer, parse_verdict
    from eval.golden import append_golden, read_golden
    from rag.errors import InputError
    from ui.console import log_console, print_result

    known = {question.id for question in read_golden(file)} if file.exists() else set()
    added = 0
    for feedback in application.library.feedback():
        try:
            answer = {"question": feedback.question, **json.loads(feedback.answer_json)}
            made = golden_from_answer(answer, parse_verdict(feedback.verdict), right_answer=feedback.note)
        except InputError as exc:
            log_console().print(f"Left out: {exc}", style="yellow")
            continue
        if made.id not in known:
            append_golden(file, made)
            known.add(made.id)
            added += 1
    print_result(f"Added {added} questions to {file}.")
