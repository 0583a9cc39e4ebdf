"""A library of the example course, servers on it, and a browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser_pages import ARGUMENTS, CHROMIUM, OWLS, Server, Visit
from model_hub import model_hub

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def library(course_library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the course's library that these tests may change."""
    copy = tmp_path_factory.mktemp("web") / "library"
    shutil.copytree(course_library, copy)
    return copy


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Starts servers that are stopped at the end."""
    with ExitStack() as stack:

        def start(library: Path, *options: str, **settings: str) -> Server:
            log = tmp_path_factory.mktemp("sockets") / "chat.txt"
            log.touch()
            running = Server(library, log, *options, **settings)
            stack.callback(running.close)
            return running

        yield start


@pytest.fixture(scope="session")
def server(
    library: Path, serve: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The app with its default settings: quotes, no language model.

    It pulls models from a hub on this machine.
    """
    models = tmp_path_factory.mktemp("models")
    with model_hub() as hub:
        yield serve(library, HF_ENDPOINT=hub, HF_HOME=str(models / "hub"), LECTERN_MODEL__FOLDER=str(models))


@pytest.fixture(scope="session")
def talker(library: Path, serve: Callable[..., Server]) -> Server:
    """A server whose model lacks the adapter that keeps it short and the guesses that make it quick.

    It can be watched, and interrupted, while it talks. It stops after 192 tokens, which tests wait for.
    """
    talking = {"LECTERN_MODEL__LOOKUP_TOKENS": "0", "LECTERN_MODEL__MAX_ANSWER_TOKENS": "192"}
    return serve(library, "--adapter", "none", **talking)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium, closed after each module: Playwright keeps an event loop in this thread while it is open."""
    if CHROMIUM is None:
        pytest.skip("needs chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Visit]:
    """A visit to the app with its default settings."""
    opened = Visit(browser, server.address)
    yield opened
    opened.close()


@pytest.fixture
def talk(browser: Browser, talker: Server) -> Iterator[Visit]:
    """A visit to the app whose model talks for a long time."""
    opened = Visit(browser, talker.address)
    yield opened
    opened.close()


@pytest.fixture
def owls(visit: Visit, tmp_path: Path) -> Visit:
    """The visit after a note was uploaded."""
    note = tmp_path / "owls.md"
    note.write_text(OWLS, encoding="utf-8")
    broken = tmp_path / "broken.ipynb"
    broken.write_text("{", encoding="utf-8")
    visit.notes.open()
    visit.notes.upload(note, broken)
    visit.notes.row("owls.md").wait_for()
    visit.ask.open()
    return visit
