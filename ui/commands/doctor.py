"""`lectern doctor`: problems of library, models and machine, with their remedies."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.options import ConfigOption, JsonOption, LibraryOption

if TYPE_CHECKING:
    from ingest.doctor import Finding
    from rag.embedding.model_folder import SentenceModel
    from rag.settings import Settings
    from rag.settings_loading import LoadedSettings

_LEAST_DISK_BYTES = 1_000_000_000
_LEAST_MEMORY_BYTES = 2_000_000_000
_SHOWN_ITEMS = 5


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("doctor")(doctor)


def doctor(
    library: LibraryOption = None,
    config: ConfigOption = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every byte of the library and compare it with its checksums.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the library, the models and the machine for problems.

    Stale, failed, empty and duplicate documents, an outdated index, missing models and a full disk are
    found, with --deep also damage on the disk. Nothing is changed; each finding names the command that
    repairs it.
    """
    from ui.application import load
    from ui.chat_model_check import chat_model_findings
    from ui.console import print_result, to_json

    loaded = load(library, config)
    model, findings = _models(loaded.settings)
    findings += chat_model_findings(loaded.settings.model)
    findings += _library(loaded, model) + _machine(loaded.library)
    findings += _languages(loaded, model)
    if deep:
        findings += _damage(loaded)
    figures = _figures(model, loaded.settings)
    if as_json:
        serious = any(finding.severity != "note" for finding in findings)
        print_result(to_json({"ok": not serious, "findings": findings, "machine": figures}))
        return
    _show(findings, figures)


def _models(settings: Settings) -> tuple[SentenceModel | None, list[Finding]]:
    """Return the embedding model of the settings and findings about missing models."""
    from ingest.doctor import Finding, Severity
    from rag.chat_models.embedded import embedded_gguf
    from rag.embedding.embedded_model import EMBEDDED_NAME, check_weights
    from rag.embedding.embedder import EMBEDDED_MODEL, model_folder
    from rag.embedding.model_folder import read_sentence_model
    from rag.errors import ModelError
    from rag.extras import LANGUAGE_MODEL, adding

    found: list[Finding] = []
    model = None
    try:
        name = settings.embedding.model
        model = read_sentence_model(model_folder(name), EMBEDDED_NAME if name == EMBEDDED_MODEL else name)
        if name == EMBEDDED_MODEL:
            check_weights()
    except ModelError as exc:
        found.append(Finding(Severity.ERROR, "embedder", str(exc), adding()))
    try:
        embedded_gguf()
    except ModelError as exc:
        # The default adapter quotes without a language model, but more rightly with one that reads again.
        writes = settings.model.name == "embedded" and settings.model.adapter != "default"
        if writes:
            found.append(Finding(Severity.ERROR, "model", str(exc), adding(LANGUAGE_MODEL)))
        elif settings.answer.read_again:
            less = f"{exc}; without it the best passages are not read again, and fewer answers are right"
            found.append(Finding(Severity.NOTE, "model", less, adding(LANGUAGE_MODEL)))
    return model, found


def _library(loaded: LoadedSettings, model: SentenceModel | None) -> list[Finding]:
    from ingest.chunker import chunker_fingerprint
    from ingest.doctor import examine_library

    fingerprint, dim = (model.fingerprint, model.dim) if model else ("", 0)
    chunker = chunker_fingerprint(loaded.settings.chunk)
    return examine_library(loaded.library, fingerprint, dim, chunker, loaded.server)


def _languages(loaded: LoadedSettings, model: SentenceModel | None) -> list[Finding]:
    """Return a finding where the notes ask for the multilingual embedding model."""
    from ingest.doctor import Finding, Severity
    from rag.errors import LibraryError
    from rag.library.opening import open_library
    from ui.note_languages import asks_for_multilingual, commands, note_languages, offer

    if model is None:
        return []
    try:
        with closing(open_library(loaded.library, loaded.server)) as library:
            languages = note_languages(library)
    except LibraryError:
        return []  # another finding names what is wrong with the library
    if not asks_for_multilingual(languages, model.fingerprint):
        return []
    where = f"{commands()} (where only a package index is reached: {commands(package=True)})"
    return [Finding(Severity.NOTE, "languages", offer(languages), where)]


def _damage(loaded: LoadedSettings) -> list[Finding]:
    """Return findings about damage on the disk.

    Notes, conversations, study cards, accounts and the log of questions are read; notes on a server are its
    owner's to check.
    """
    from ingest.deep_check import deep_findings
    from ingest.doctor import Finding, Severity
    from rag.errors import LibraryError
    from rag.library.backup import PEOPLE
    from rag.library.connections import DATABASE_NAME
    from rag.library.question_log import QuestionLog
    from rag.study.store import damaged_study_rows
    from ui.accounts.store import AccountStore
    from ui.web.conversation_store import damaged_conversations

    folder = loaded.library
    if loaded.server:
        mend = f"pg_amcheck --heapallindexed --schema=lectern on the server; files beside the notes are in {folder}"
        found = [
            Finding(
                Severity.NOTE,
                "damage",
                "the notes are on a server, which only its owner can check whole",
                mend,
            )
        ]
    elif (folder / DATABASE_NAME).is_file():
        found = deep_findings(folder)
    else:
        return []
    for about, rows, count, again in (
        ("conversations", "conversations or exchanges", damaged_conversations, "ask those questions again"),
        ("study cards", "study items, cards or answers", damaged_study_rows, "make those cards again (lectern study cards)"),
        ("accounts", "accounts or sessions", lambda place: AccountStore(place).damaged(), "remove and add those accounts again"),
        ("questions", "questions of the log", lambda place: QuestionLog(place).damaged(), "delete the log (lectern monitor --delete)"),
    ):  # fmt: skip
        mend = f"lectern restore BACKUP, or {again}"
        try:
            if number := sum(count(place) for place in (folder, *sorted((folder / PEOPLE).glob("*")))):
                what = f"{number} {rows} are damaged on the disk"
                found.append(Finding(Severity.ERROR, about, what, mend))
        except LibraryError as exc:
            found.append(Finding(Severity.ERROR, about, str(exc), mend))
    return found


def _machine(folder: Path) -> list[Finding]:
    """Return findings about too little disk space or memory."""
    import shutil

    import psutil

    from ingest.discover import is_there
    from ingest.doctor import Finding, Severity

    found = []
    place = next(path for path in (folder, *folder.parents) if is_there(path))
    free = shutil.disk_usage(place).free
    if free < _LEAST_DISK_BYTES:
        what = f"{free / 1e6:,.0f} MB are free on the disk of {place}"
        found.append(
            Finding(Severity.WARNING, "disk", what, "free some space, or name another folder with --library")
        )
    available = psutil.virtual_memory().available
    if available < _LEAST_MEMORY_BYTES:
        what = f"{available / 1e6:,.0f} MB of memory are free; the models want 2,000 MB"
        found.append(Finding(Severity.WARNING, "memory", what, "close other programs"))
    return found


def _figures(model: SentenceModel | None, settings: Settings) -> dict[str, Any]:
    """Return the machine's measured speed and the language model's engine."""
    from rag.embedding.machine_profile import machine_name, remembered
    from ui.chat_model_check import chat_model_figures

    measured = remembered(model.fingerprint) if model else []
    return {
        "name": machine_name(),
        "language_model": chat_model_figures(settings.model),
        "embedding": [
            {
                "engine": str(entry.choice),
                "passages_per_second": round(entry.passages_per_second, 1),
                "cosine_to_float32": round(entry.cosine, 6),
            }
            for entry in measured
        ],
    }


def _show(findings: list[Finding], machine: dict[str, Any]) -> None:
    from rich.text import Text

    from ui.console import result_console

    console = result_console()
    colours = {"error": "red", "warning": "yellow", "note": "cyan"}
    for finding in findings:
        head = (f"{finding.severity} ", colours[finding.severity])
        console.print(Text.assemble(head, (finding.subject, "bold"), f": {finding.what}"))
        for item in finding.items[:_SHOWN_ITEMS]:
            console.print(Text(f"    {item}"))
        if len(finding.items) > _SHOWN_ITEMS:
            console.print(Text(f"    ... and {len(finding.items) - _SHOWN_ITEMS} more"))
        console.print(Text(f"    remedy: {finding.mend}", style="dim"))
    if not findings:
        console.print("Nothing is wrong.")
    console.print(Text(f"machine: {machine['name']}", style="dim"))
    for entry in machine["embedding"]:
        line = f"    {entry['engine']}: {entry['passages_per_second']:.0f} passages/s, cosine {entry['cosine_to_float32']:.5f}"
        console.print(Text(line, style="dim"))
    chosen = machine["language_model"]
    memory = f", {chosen['needs_bytes'] / 1e9:.1f} GB of memory" if "needs_bytes" in chosen else ""
    console.print(
        Text(f"    {chosen['name']}: {chosen.get('engine', 'its own engine')}{memory}", style="dim")
    )
