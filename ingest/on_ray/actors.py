"""The two actors of a node: one embeds passages, the other reads notes.

Each keeps what is dear to start: the embedding model, or the process that runs the parsers. An actor runs on another machine, so
everything that it depends on comes with its `Job`, and it reports what it has (`Facts`) before it gets work.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass, fields
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version

from ingest.archives import source_status
from ingest.chunker import chunker_fingerprint
from ingest.embed_ahead import Embedded
from ingest.extras import speech_is_installed
from ingest.failures import parser_name
from ingest.plan import Task
from ingest.read_ahead import NoteReader, Outcome
from rag.embedding.embedded_model import EMBEDDED_NAME
from rag.embedding.embedder import EMBEDDED_MODEL, Embedder, embed_with_sketches, model_folder
from rag.embedding.engine import chosen_engine, open_choice
from rag.embedding.machine_profile import EngineChoice
from rag.embedding.model_folder import SentenceModel, read_sentence_model
from rag.errors import LecternError
from rag.settings import Settings
from rag.system.telemetry import switch_off_telemetry


@dataclass(frozen=True, slots=True)
class Job:
    """The settings of an ingest, and the engine that the calling process has chosen."""

    settings: Settings
    choice: EngineChoice


def job_of(settings: Settings) -> Job:
    """Return the job of these settings, with this machine's choice of the engine."""
    return Job(settings, chosen_engine(settings.embedding, _model_of(settings)))


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts that two machines have in common if both would do the same work."""

    lectern: str
    parsers: str
    recordings: str
    chunker: str
    embedder: str
    engine: str

    def difference(self, other: Facts) -> str:
        """Return the first thing in which another machine differs; empty if there is none."""
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if mine != theirs:
                return f"{field.name} {theirs!r} there, {mine!r} here"
        return ""


def facts_of(job: Job, embedder: str) -> Facts:
    """Return the facts of this machine; `embedder` is the fingerprint of its model."""
    return Facts(
        lectern=_version("lectern-notes"),
        parsers=parser_name(job.settings.ingest),
        recordings="with speech" if speech_is_installed() else "without speech",
        chunker=chunker_fingerprint(job.settings.chunk),
        embedder=embedder,
        engine=f"{job.choice}, openvino {_version('openvino')}, {platform.machine()}",
    )


class _Actor:
    """An actor with the job's model."""

    def __init__(self, job: Job) -> None:
        self._job = job

    @cached_property
    def _model(self) -> SentenceModel:
        return _model_of(self._job.settings)

    def start(self) -> Facts | str:
        """Return the facts of this machine, or why it cannot take part."""
        switch_off_telemetry()
        try:
            return facts_of(self._job, self._model.fingerprint)
        except LecternError as exc:
            return str(exc)


class EmbeddingActor(_Actor):
    """Embeds passages with one model, which is opened at the first ones."""

    @cached_property
    def _embedder(self) -> Embedder:
        return open_choice(self._model, self._job.choice, self._job.settings.embedding.batch_size)

    def work(self, texts: list[str]) -> Embedded:
        """Return the vectors (n, dim) and sketches of texts."""
        return embed_with_sketches(self._embedder, texts)


class ReadingActor(_Actor):
    """Reads notes that this machine sees in the same place."""

    @cached_property
    def _reader(self) -> NoteReader:
        return NoteReader(self._job.settings, self._model.folder)

    def work(self, task: Task) -> Outcome | None:
        """Return the outcome of a task; None if this machine does not have the file."""
        return self._reader.read(task) if _is_here(task) else None


def _model_of(settings: Settings) -> SentenceModel:
    name = settings.embedding.model
    return read_sentence_model(model_folder(name), EMBEDDED_NAME if name == EMBEDDED_MODEL else name)


def _is_here(task: Task) -> bool:
    """Return whether this machine has the file that was found, by its size and time."""
    try:
        return source_status(task.file.source) == (task.file.size_bytes, task.file.mtime_ns)
    except OSError:
        return False


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
