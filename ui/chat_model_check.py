"""The chosen language model in `lectern doctor`: presence, memory, engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest.doctor import Finding
    from rag.settings import ModelSettings


def chat_model_findings(settings: ModelSettings) -> list[Finding]:
    """Return findings about a chosen model that is not here, is damaged or cannot fit.

    A preset that is not pulled yet is judged by its published size. The embedded model and servers have none.
    """
    from ingest.doctor import Finding, Severity
    from rag.chat_models.estimate import estimate
    from rag.chat_models.inventory import is_here
    from rag.chat_models.presets import ModelKind, pull_command, reference
    from rag.errors import LecternError

    model = reference(settings.name, settings.folder)
    if settings.name == "embedded" or model.kind is ModelKind.ENDPOINT:
        return []
    found = []
    if model.download is not None and not is_here(model):
        what = f"the chosen model {model.name} is not on this machine ({model.download.size_bytes / 1e9:.1f} GB to download)"
        found.append(Finding(Severity.ERROR, "model", what, pull_command(model.name)))
    try:
        memory = estimate(settings)
    except LecternError as exc:
        return [*found, Finding(Severity.ERROR, "model", str(exc), "lectern models list")]
    if not memory.fits:
        remedy = f"--model {memory.smaller}" if memory.smaller else "lower model.context_tokens"
        found.append(Finding(Severity.WARNING, "model", f"{settings.name} {memory.verdict}", remedy))
    return found


def chat_model_figures(settings: ModelSettings) -> dict[str, Any]:
    """Return name, engine and memory of the chosen model; unknown ones are left out."""
    from rag.chat_models.engines.gguf import preset_engine
    from rag.chat_models.estimate import estimate
    from rag.chat_models.inventory import described
    from rag.chat_models.presets import ModelKind, reference
    from rag.errors import LecternError

    figures: dict[str, Any] = {"name": settings.name}
    model = reference(settings.name, settings.folder)
    try:
        facts = described(settings.name, settings.folder)
        here = facts.get("here", True)
        figures["here"] = here
        if model.kind is ModelKind.GGUF:
            figures["engine"] = facts["engine"] if here else preset_engine().value
        figures["needs_bytes"] = estimate(settings).least_bytes
    except LecternError:
        pass  # a finding has the reason
    return figures
