"""Items made for the command line and written in the form asked for."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import InputError, QuestionError
from rag.study.export import SUFFIXES, Form, exported
from rag.study.item_json import item_record
from rag.study.items import Item, Rejection, Topic, as_card
from rag.study.quiz import StudySet
from rag.system.atomic_write import write_bytes as write_whole

if TYPE_CHECKING:
    from rag.search.scope import Scope
    from rag.study.deck import Deck
    from rag.study.written import Write
    from ui.application import Application

_BINARY = frozenset((Form.ANKI,))


@dataclass(frozen=True, slots=True)
class Wish:
    """The options of `lectern study quiz` and `cards`."""

    scope: list[str]
    count: int
    topics: list[str]
    seed: int
    choice: bool
    approved: bool
    form: str | None
    out: Path | None
    title: str | None
    as_json: bool
    model: str | None = None


def open_deck(application: Application, folder: Path | None = None) -> Deck:
    """Return the deck of an application's library.

    `folder` has the cards; None is the library's own.

    Raises:
        LibraryMissing: nothing has been ingested.
    """
    from rag.answer.notes import Notes
    from rag.study.deck import Deck
    from rag.study.store import StudyStore

    store = StudyStore(folder or application.library.folder)
    return Deck(Notes(application.searcher, application.scorer), store)


def model_writer(application: Application) -> Write:
    """Return the language model as a writer of single lines.

    Raises:
        ModelError: the model is missing, does not fit, or fails.
    """
    from langchain_core.messages import HumanMessage

    from rag.study.written import MOST_TOKENS

    model = application.model

    def write(prompt: str) -> str:
        return str(model.invoke([HumanMessage(prompt)], max_tokens=MOST_TOKENS, stop=["\n"]).text)

    return write


def parsed_scope(texts: list[str]) -> Scope | None:
    """Return the scope of the options, None for all notes."""
    from rag.search.scope import parse_scope

    return parse_scope(texts) if texts else None


def make_and_write(application: Application, wish: Wish) -> StudySet | None:
    """Make the items of a wish, and write them or return them to be asked.

    Raises:
        QuestionError: there is nothing to ask about inside the scope.
        InputError: the form is unknown, or a binary form has no file.
    """
    form, topics = _form(wish), _topics(wish.topics)
    deck = open_deck(application)
    found = _approved(deck, wish) if wish.approved else _made(application, deck, wish, topics)
    _report(found, wish)
    if not found.items:
        raise QuestionError(_nothing(found, wish))
    if form is None:
        return found
    approved = frozenset(one.item.id for one in deck.store.kept() if one.approved)
    whole = wish.choice or form is Form.CSV  # a table that may come back must not lose the choices
    _write(found.items if whole else tuple(map(as_card, found.items)), form, wish, approved)
    return None


def write_bytes(content: bytes, out: Path | None, count: str) -> None:
    """Write a result to a file, whose name is reported, or to stdout."""
    from ui.console import log_console, print_result

    if out is None:
        print_result(content.decode("utf-8").rstrip("\n"))
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, content)
    log_console().print(f"{count} in {out}.", markup=False)


def _form(wish: Wish) -> Form | None:
    """The form to write, None for the terminal.

    Raises:
        InputError: it is unknown, or a binary form has no file.
    """
    if wish.form is None and wish.as_json and wish.out is None:
        return Form.JSON
    by_name = SUFFIXES.get(wish.out.suffix.lower()) if wish.out else None
    if wish.form is None and wish.out is not None and by_name is None:
        raise InputError(
            f"The name {wish.out.name!r} does not say the form; add --format with one of {', '.join(Form)}."
        )
    if wish.form is not None and wish.form not in tuple(Form):
        raise InputError(f"There is no form {wish.form!r}; expected one of {', '.join(Form)}.")
    form = Form(wish.form) if wish.form else by_name
    if form in _BINARY and wish.out is None:
        raise InputError(
            "An Anki package is a binary file; name it with --out, for example --out course.apkg."
        )
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    return Form.MARKDOWN if form is None and wish.choice and not interactive else form


def _topics(names: list[str]) -> list[Topic]:
    unknown = [name for name in names if name not in tuple(Topic)]
    if unknown:
        raise InputError(f"There is no kind {unknown[0]!r}; expected one of {', '.join(Topic)}.")
    return [Topic(name) for name in names]


def _made(application: Application, deck: Deck, wish: Wish, topics: list[Topic]) -> StudySet:
    from ui.console import log_console

    if topics == [Topic.WRITTEN] and not wish.model:
        raise InputError("A language model writes questions of the kind written; name one with --model.")
    write = model_writer(application) if wish.model else None
    with log_console().status("Making and checking questions..."):
        return deck.make(
            parsed_scope(wish.scope),
            wish.count,
            datetime.now(UTC),
            choice=wish.choice,
            topics=topics,
            seed=wish.seed,
            write=write,
        )


def _approved(deck: Deck, wish: Wish) -> StudySet:
    from rag.search.scope import records_inside

    inside = {record.path for record in records_inside(deck.notes.library, parsed_scope(wish.scope))}
    topics = _topics(wish.topics)
    items = [
        one.item
        for one in deck.store.kept()
        if one.approved and one.item.citation.document in inside and (not topics or one.item.topic in topics)
    ]
    return StudySet(tuple(items[: wish.count]), 0, {}, 0)


def _report(found: StudySet, wish: Wish) -> None:
    """Say on stderr how many proposals were accepted, and why the others were not."""
    from ui.console import log_console

    if wish.approved:
        return
    lines = [f"{len(found.items)} items accepted of {found.checked} checked ({found.proposed} proposed)."]
    lines += [f"  {number} rejected: {reason}" for reason, number in found.rejected.items()]
    if found.stopped:
        lines.append("  Stopped; what was accepted until then is kept.")
    elif 0 < len(found.items) < wish.count:
        lines.append(f"  The notes give no more than these; {wish.count} were wanted.")
    log_console().print("\n".join(lines), style="dim", markup=False)


def _nothing(found: StudySet, wish: Wish) -> str:
    if wish.approved:
        return "No item was approved yet; `lectern study approve` does it."
    where = ", ".join(wish.scope) or "the notes"
    said = (
        f"Nothing in {where} can be asked with a key that the notes prove ({found.proposed} proposals, "
        f"{found.checked} checked)."
    )
    if Rejection.FEW_CHOICES in found.rejected:
        return f"{said} Some lack wrong choices, which cards do not need: lectern study cards."
    wider = ["choose a wider --scope"] * bool(wish.scope) + ["leave --kind out"] * bool(wish.topics)
    return f"{said} {' or '.join(wider).capitalize()}." if wider else said


def _write(items: tuple[Item, ...], form: Form, wish: Wish, approved: frozenset[str]) -> None:
    title = wish.title or f"Lectern {', '.join(wish.scope)}".strip()
    if form is Form.JSON:
        from ui.console import to_json

        content = "".join(f"{to_json(item_record(item))}\n" for item in items).encode("utf-8")
    else:
        content = exported(form, items, title, approved)
    write_bytes(content, wish.out, f"{len(items)} items")
