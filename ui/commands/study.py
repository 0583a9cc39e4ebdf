"""`lectern study`: quizzes and cards with checked keys, made from the notes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ui.commands import study_deck, study_sheets, study_teacher
from ui.options import ConfigOption, JsonOption, LibraryOption, ModelOption, ScopeOption

CountOption = Annotated[int, typer.Option("-n", "--count", min=1, max=500, help="Items wanted.")]
FormOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="FORM",
        help="json, gift, moodle, anki, csv, markdown or html; else by the name of --out.",
        show_default=False,
    ),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write to this file.", show_default=False)
]
TopicOption = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        metavar="KIND",
        help="Only definition, property, number, step, comparison, table, code, formula or written; may be repeated.",
        show_default=False,
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Another number makes another selection.")]
TitleOption = Annotated[
    str | None,
    typer.Option("--title", help="Name of the quiz or deck in an export.", show_default=False),
]
ApprovedOption = Annotated[
    bool, typer.Option("--approved", help="Take the items that a teacher approved, and make none.")
]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    study = typer.Typer(
        help="Make quizzes and cards from the notes, repeat them when due, export them.", no_args_is_help=True
    )
    study.command("quiz")(quiz)
    study.command("cards")(cards)
    for module in (study_deck, study_sheets, study_teacher):
        module.register(study)
    app.add_typer(study, name="study")


def quiz(
    scope: ScopeOption = None,
    count: CountOption = 10,
    topics: TopicOption = None,
    seed: SeedOption = 0,
    form: FormOption = None,
    out: OutOption = None,
    title: TitleOption = None,
    approved: ApprovedOption = False,
    model: ModelOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a quiz and take it here, or export it.

    Every key was found again in the notes by the search and by the evidence scorer. On a terminal the
    questions are asked; with --json, --format or --out they are written instead. With --model a language
    model writes questions too, which pass the same checks.
    """
    from ui.application import Application, load
    from ui.study.making import Wish, make_and_write, open_deck

    wish = Wish(scope or [], count, topics or [], seed, True, approved, form, out, title, as_json, model)
    application = Application(load(library, config, model__name=model))
    found = make_and_write(application, wish)
    if found is not None:
        from ui.study.taking import ask_all

        ask_all(open_deck(application), found.items)


def cards(
    scope: ScopeOption = None,
    count: CountOption = 20,
    topics: TopicOption = None,
    seed: SeedOption = 0,
    form: FormOption = None,
    out: OutOption = None,
    title: TitleOption = None,
    approved: ApprovedOption = False,
    model: ModelOption = None,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make cards, keep them in the library until they are due, and export them.

    `lectern study review` asks those that are due.
    """
    from ui.application import Application, load
    from ui.console import print_result
    from ui.study.making import Wish, make_and_write

    wish = Wish(scope or [], count, topics or [], seed, False, approved, form, out, title, as_json, model)
    found = make_and_write(Application(load(library, config, model__name=model)), wish)
    if found is not None:
        print_result(f"{len(found.items)} cards are in the library. Ask them with: lectern study review")
