"""`lectern documents`: the documents of the library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.options import ConfigOption, JsonOption, LibraryOption

if TYPE_CHECKING:
    from rag.types import Block, Document

_SHOWN_CHARS = 300

app = typer.Typer(help="List, show, tag and remove the documents of the library.", no_args_is_help=True)
NameArgument = Annotated[
    str, typer.Argument(metavar="DOCUMENT", help="A document's name, as `list` shows it.")
]


def register(parent: typer.Typer) -> None:
    """Add the verbs."""
    parent.add_typer(app, name="documents")


@app.command("list")
def list_documents(
    library: LibraryOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List every document with its kind, size and date."""
    from ui.application import Application, load
    from ui.console import print_result, result_console, to_json

    records = Application(load(library, config)).library.documents()
    if as_json:
        for record in records:
            print_result(to_json(record))
        return
    from rich.table import Table

    table = Table("document", "kind", "passages", "KB", "read", "title", box=None, pad_edge=False)
    for record in records:
        size = f"{record.size_bytes / 1000:,.0f}"
        table.add_row(
            record.path, record.kind, str(record.chunks), size, record.ingested_at[:10], record.title
        )
    result_console().print(table)


@app.command("show")
def show(
    document: NameArgument,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a document block by block, each with its locator."""
    from ui.application import Application, load
    from ui.console import print_result, result_console, to_json

    found = Application(load(library, config)).library.document(document)
    if as_json:
        print_result(to_json(_as_json(found)))
        return
    console = result_console()
    console.print(f"{found.path} · {found.title} · {found.kind} · {len(found.blocks)} blocks", markup=False)
    if found.tags:
        console.print(f"tags: {', '.join(found.tags)}", markup=False)
    for warning in found.warnings:
        console.print(f"note: {warning}", markup=False)
    for block in found.blocks:
        text = found.text[block.start : block.end]
        shown = text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
        console.print(f"\n[{block.kind}] {block.locator.within(found.path)}", style="bold", markup=False)
        console.print(shown, markup=False)


@app.command("tag")
def tag(
    document: NameArgument,
    tags: Annotated[
        list[str] | None,
        typer.Argument(metavar="TAG...", help="Words to search within, as in --scope tag:exam."),
    ] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="Remove the tags given here before; the note's own stay.")
    ] = False,
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a document tags, beside those of its front matter.

    They are kept when its file is read again.
    """
    from ui.application import Application, load
    from ui.console import print_result, to_json

    given = [" ".join(name.split()) for name in tags or ()]
    if not all(given) or not (given or clear):
        raise typer.BadParameter("give one tag or more, or --clear to remove those given before")
    notes = Application(load(library, config)).library
    with notes.writing():
        kept = [] if clear else notes.given_tags(document)
        notes.tag_document(document, [*kept, *given])
    found = notes.document(document)
    if as_json:
        print_result(to_json({"document": found.path, "tags": found.tags}))
    else:
        print_result(f"{found.path}: {', '.join(found.tags) or 'no tags'}")


@app.command("remove")
def remove(
    documents: Annotated[
        list[str], typer.Argument(metavar="DOCUMENT...", help="Names, as `list` shows them.")
    ],
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove documents from the library.

    Their files stay; ingesting their folder again adds them again.
    """
    from rag.errors import LibraryMissing
    from rag.search.index import keep_index
    from ui.application import Application, load
    from ui.console import print_result, to_json

    notes = Application(load(library, config)).library
    unknown = [name for name in documents if not notes.has(name)]
    if unknown:
        raise LibraryMissing(
            f"The library has no document {unknown[0]!r}; nothing was removed. `lectern documents list` names them."
        )
    with notes.writing():
        for name in documents:
            notes.remove_document(name)
        keep_index(notes)
    if as_json:
        print_result(to_json({"removed": documents, "documents": len(notes.documents())}))
    else:
        print_result(f"{len(documents)} removed, {len(notes.documents())} documents left")


def _as_json(document: Document) -> dict[str, Any]:
    from rag.note_warnings import warning_record

    return {
        "path": document.path,
        "title": document.title,
        "kind": document.kind,
        "source": document.source,
        "content_hash": document.content_hash,
        "warnings": [str(warning) for warning in document.warnings],
        "unread": [warning_record(warning) for warning in document.warnings if warning.unread],
        "tags": document.tags,
        "text": document.text,
        "blocks": [_block(document, block) for block in document.blocks],
    }


def _block(document: Document, block: Block) -> dict[str, Any]:
    return {
        "kind": block.kind,
        "start": block.start,
        "end": block.end,
        "level": block.level,
        "part": block.part,
        "identity": block.identity,
        "locator": str(block.locator.within(document.path)),
        "text": document.text[block.start : block.end],
    }
