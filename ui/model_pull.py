"""The download of a preset as a person sees it: terms, progress, one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.chat_models.presets import ModelKind, ModelReference, pulled_path
from rag.errors import ModelMissing, ModelTooLarge

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from rag.chat_models.pull.pulling import Pulled
    from rag.settings import ModelSettings

_INTERRUPTED = 130


def pull_terms(preset: ModelReference, settings: ModelSettings) -> str:
    """Return size, licence and disk of a download, empty if there is none.

    Raises:
        ModelMissing: the name is neither a preset nor a model that is here.
    """
    from rag.chat_models.estimate import first_use_bytes
    from rag.chat_models.inventory import is_here
    from rag.chat_models.pull.pulling import free_disk, missing_bytes

    if preset.download is None:
        _check_here(preset)
        return ""
    if is_here(preset):
        return ""
    folder = pulled_path(preset, settings.folder).parent
    left, size = missing_bytes(preset, settings.folder), preset.download.size_bytes
    whole = f"{size / 1e9:.2f} GB" + (f", {left / 1e9:.2f} GB left to fetch" if left < size else "")
    digest = (
        "verified by its publisher's SHA-256"
        if preset.download.sha256
        else "verified by the hub's digest, because the publisher's is not known here"
    )
    later = first_use_bytes(preset)
    more = f"; its first use takes {later / 1e9:.1f} GB more for a converted copy" if later else ""
    return (
        f"{preset.name}: {whole}; licence {preset.license}; {digest}\n"
        f"into {folder} ({free_disk(folder) / 1e9:.1f} GB free){more}"
    )


def check_fits(settings: ModelSettings) -> None:
    """Check that a model that would be downloaded can be loaded.

    Raises:
        ModelTooLarge: it cannot; the next smaller preset is named.
    """
    from rag.chat_models.estimate import refuse_what_cannot_fit

    try:
        refuse_what_cannot_fit(settings)
    except ModelTooLarge as exc:
        raise ModelTooLarge(f"{exc}. To download it all the same, pass --force") from exc


def pull_shown(preset: ModelReference, settings: ModelSettings, log: Console) -> Pulled:
    """Pull a preset with a progress bar on stderr; Ctrl-C ends it with one sentence.

    Raises:
        ModelError: see `rag.chat_models.pull.pulling.pull`.
    """
    import typer

    from rag.chat_models.pull.pulling import pull

    there, total = 0, preset.download.size_bytes if preset.download else 0
    with _bar(log) as bar:
        task = bar.add_task(preset.name, total=total)

        def report(done: int, size: int, step: str) -> None:
            nonlocal there, total
            there, total = done, size
            bar.update(task, completed=done, total=size, description=f"{preset.name}: {step}")

        try:
            return pull(preset, report, settings.folder)
        except KeyboardInterrupt:
            bar.stop()
            log.print(
                f"Stopped at {there / 1e6:,.0f} of {total / 1e6:,.0f} MB; the same command goes on from there."
            )
            raise typer.Exit(_INTERRUPTED) from None


def _check_here(model: ModelReference) -> None:
    from pathlib import Path

    from rag.chat_models.inventory import is_here
    from rag.chat_models.presets import PRESETS

    if model.kind is ModelKind.ENDPOINT or not model.source or is_here(model) or Path(model.source).is_dir():
        return
    names = ", ".join(preset.name for preset in PRESETS if preset.download)
    raise ModelMissing(f"there is nothing to pull for {model.name!r}: it is none of {names}")


def _bar(log: Console) -> Progress:
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (BarColumn(bar_width=30), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    return Progress(
        TextColumn("{task.description}"),
        *columns,
        console=log,
        transient=True,
        disable=not log.is_terminal,
    )
