"""The real API on a free port of this machine, over two small courses whose answers can be read off."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from rag.library.library import Library
from rag.settings import ApiSettings
from rag.settings_loading import load as load_settings
from rag.text.words import content_words
from rag.types import Block, BlockKind, Chunk, Document, DocumentKind, Locator, Unit, chunk_id
from tests.patience import PATIENCE_SECONDS

COURSES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "signals": {
        "lecture-01-sampling.md": (
            "Sampling turns a signal into numbers.",
            "Aliasing folds high frequencies onto low frequencies.",
        ),
        "lecture-02-leakage.md": (
            "Spectral leakage is energy at frequencies that the signal does not have.",
            "A window reduces spectral leakage.",
        ),
    },
    "birds": {"owls.md": ("The owl hunts at night.", "The barn owl has a white face.")},
}


class WordVectors:
    """An embedder that can be worked out by hand: each content word is one of 64 axes."""

    fingerprint = "words"
    dim = 64
    max_tokens = 20

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([self.embed_query(text) for text in texts], np.float32).reshape(-1, self.dim)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        counts = np.zeros(self.dim, np.float32)
        for word in content_words(text):
            counts[blake2b(word.encode(), digest_size=1).digest()[0] % self.dim] += 1
        return counts / max(float(np.linalg.norm(counts)), 1e-12)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


def make_library(folder: Path, documents: Mapping[str, Sequence[str]]) -> None:
    """A library with one passage for each paragraph."""
    embedder = WordVectors()
    with Library.create(folder) as library:
        library.bind(embedder.fingerprint, embedder.dim, "by hand")
        for path, texts in documents.items():
            chunks, at = [], 0
            for ordinal, text in enumerate(texts):
                locator = Locator(Unit.LINE, 1 + 2 * ordinal, 1 + 2 * ordinal)
                number = chunk_id(path, at, text)
                chunks.append(Chunk(number, path, ordinal, at, at + len(text), text, locator, path))
                at += len(text) + 2
            blocks = tuple(Block(BlockKind.PARAGRAPH, c.start, c.end, c.locator) for c in chunks)
            document = Document(path, path, DocumentKind.MARKDOWN, path, "\n\n".join(texts), blocks)
            library.replace_document(document, chunks, embedder.embed_passages(texts))


class Site:
    """A running API with its application and address."""

    def __init__(self, folder: Path, scorer: Any, model: Any = None, **settings: Any) -> None:
        import uvicorn

        from ui.access import Access
        from ui.addresses import bound_socket
        from ui.api.app import build_api
        from ui.api.courses import open_courses
        from ui.api.keys import KeyRing

        for name, documents in COURSES.items():
            if not (folder / name).exists():
                make_library(folder / name, documents)
        access = {
            key.partition("__")[2]: settings.pop(key) for key in list(settings) if key.startswith("access__")
        }
        chosen = {"model.name": "scripted"} if model is not None else {}
        loaded = load_settings({"library": str(folder / "signals")} | chosen, None, {})
        self.settings = ApiSettings(port=0, **settings)
        self.courses = open_courses(replace(loaded), {"birds": folder / "birds"})
        self.application = self.courses.default.application
        self.application._embedder.put(WordVectors())  # type: ignore[arg-type]
        self.application._scorer.put(scorer)
        if model is not None:
            self.application._model.put(model)
        self.keys = KeyRing(folder / "signals")
        allowed = Access("127.0.0.1", loaded.settings.access.model_copy(update=access), has_keys=False)
        self.app = build_api(self.courses, allowed, self.keys, self.settings)
        self.service = self.app.state.service
        bound = bound_socket(self.settings, "serve")
        self.port: int = bound.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.server = uvicorn.Server(
            uvicorn.Config(self.app, log_level="error", timeout_graceful_shutdown=1, lifespan="off")
        )
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [bound]}, daemon=True)
        self.thread.start()
        self.http = httpx.Client(base_url=self.url, timeout=PATIENCE_SECONDS)
        while not self.server.started:
            threading.Event().wait(0.01)

    def close(self) -> None:
        self.http.close()
        self.server.should_exit = True
        self.thread.join(PATIENCE_SECONDS)
        self.service.close()
        for course in self.courses:
            course.application.library.close()


@pytest.fixture
def make_site(tmp_path: Path, word_scorer: Any) -> Iterator[Callable[..., Site]]:
    """Starts the API with other settings, a model or a scorer."""
    made: list[Site] = []

    def make(model: Any = None, **settings: Any) -> Site:
        made.append(Site(tmp_path, word_scorer, model, **settings))
        return made[-1]

    yield make
    for site in made:
        site.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, word_scorer: Any) -> Iterator[Site]:
    """The API with its default settings, for tests that change nothing of it."""
    made = Site(tmp_path_factory.mktemp("courses"), word_scorer, requests_per_minute=0)
    yield made
    made.close()


class WaitingModel:
    """Words that come one by one when they are let go; `stopped` is set when the stream is closed early."""

    def __init__(self, model: type, words: int) -> None:
        self.go, self.begun, self.stopped = threading.Semaphore(0), threading.Event(), threading.Event()
        self.shown = 0
        waiting = self

        class Waiting(model):  # type: ignore[misc]
            def _stream(self, messages: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
                from langchain_core.messages import AIMessageChunk
                from langchain_core.outputs import ChatGenerationChunk

                try:
                    for number in range(words):
                        waiting.begun.set()
                        waiting.go.acquire(timeout=PATIENCE_SECONDS)
                        waiting.shown += 1
                        yield ChatGenerationChunk(message=AIMessageChunk(f"word{number} "))
                except GeneratorExit:
                    waiting.stopped.set()
                    raise

        self.model = Waiting(replies=[])


@pytest.fixture
def waiting_model(scripted_model: type) -> Callable[..., WaitingModel]:
    """Makes a model whose words wait until the test lets them go."""
    return lambda words=50: WaitingModel(scripted_model, words)
