"""The options that every verb shares."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

LibraryOption = Annotated[
    str | None,
    typer.Option(
        "--library",
        metavar="DIR",
        help="Library folder, or postgresql://USER@HOST/DATABASE#COURSE (default: $LECTERN_LIBRARY, else the platform's data folder).",
        show_default=False,
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="Settings file (default: ./lectern.toml).", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else.")]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help="A preset of `lectern models list`, a GGUF file, a Hugging Face id or folder, or `openai:MODEL@URL`.",
        show_default=False,
    ),
]
AdapterOption = Annotated[
    str | None,
    typer.Option(
        "--adapter", metavar="DIR", help="LoRA adapter folder; `none` switches it off.", show_default=False
    ),
]
ScopeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--scope",
        metavar="KIND:VALUE",
        help="Limit to document:NAME, folder:NAME, lecture:NUMBER or tag:NAME; may be repeated.",
        show_default=False,
    ),
]
QuestionsOption = Annotated[
    Path | None,
    typer.Option(
        "--questions",
        metavar="FILE",
        help="JSON lines with id, question and history: ask in bulk.",
        show_default=False,
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="File for bulk results, JSON lines.", show_default=False),
]
CourseOption = Annotated[
    list[str] | None,
    typer.Option(
        "--course",
        metavar="NAME=DIR",
        help="Another library to serve beside --library, a folder or an address, under this name; may be repeated.",
        show_default=False,
    ),
]
PasswordFileOption = Annotated[
    str | None,
    typer.Option(
        "--password-file",
        metavar="FILE",
        help="File with the password that everyone must give; needed where other machines can reach the address.",
        show_default=False,
    ),
]
AllowHostOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="NAME",
        help="Another name to answer to, as behind a proxy; may be repeated.",
        show_default=False,
    ),
]


def named_libraries(texts: list[str] | None) -> dict[str, str]:
    """Return name to folder or address for texts `NAME=DIR`.

    Raises:
        typer.BadParameter: a text is none, or a name comes twice.
    """
    found: dict[str, str] = {}
    for text in texts or ():
        name, equals, folder = text.partition("=")
        if not (equals and name.strip() and folder.strip()) or name.strip() in found:
            raise typer.BadParameter(
                f"{text!r} is not NAME=DIR, or its name was given before", param_hint="--course"
            )
        found[name.strip()] = folder.strip()
    return found
