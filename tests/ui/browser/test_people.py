"""Two students and a teacher on one server: nobody reaches what is another's, and wrong passwords are slowed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser_pages import ROOT, Server

from tests.patience import PATIENCE_SECONDS
from ui.accounts.login_limit import FREE_TRIES
from ui.accounts.person import Role
from ui.accounts.store import AccountStore

if TYPE_CHECKING:
    from playwright.sync_api import APIResponse, Browser, BrowserContext, Page

pytestmark = pytest.mark.browser

PASSWORDS = {"tess": "bats at noon", "ann": "owls at night", "ben": "elks at dawn"}
_EVENT = re.compile(r"/(queue/join|run/predict)")
SECRET_WORD = "zebra4711"
QUESTION = f"What is the Nyquist rate of a {SECRET_WORD}?"


class Login:
    """A browser of one person, logged in, with what its page posted to the server."""

    def __init__(self, browser: Browser, address: str, name: str) -> None:
        self.context: BrowserContext = browser.new_context(
            viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
        )
        self.context.set_default_timeout(1000 * PATIENCE_SECONDS)
        self.page: Page = self.context.new_page()
        self.address = address
        self.posted: list[dict[str, Any]] = []
        self.page.on("request", lambda request: self._saw(request.url, request.post_data))
        self.page.goto(address)
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(PASSWORDS[name])
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_selector(".welcome, .exchange")
        self.page.wait_for_selector(".pages", state="attached")

    def _saw(self, url: str, body: str | None) -> None:
        if _EVENT.search(url) and body:
            with suppress(ValueError):
                self.posted.append(json.loads(body))

    def ask(self, question: str) -> str:
        """Ask, wait for the answer, and return the conversation of the address."""
        self.page.get_by_role("textbox", name="Question").fill(question)
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector(f".exchange.answered:has-text('{question}')")
        return str(self.page.locator(".conversations .open[aria-current]").get_attribute("data-conversation"))

    def get(self, path: str) -> APIResponse:
        """Ask for an address as this browser."""
        return self.context.request.get(self.address + path, max_redirects=0)

    def post(self, path: str, body: dict[str, Any]) -> APIResponse:
        """Post JSON as this browser's page would."""
        return self.context.request.post(self.address + path, data=body, headers={"origin": self.address})


@pytest.fixture(scope="module")
def class_library(course_library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("class") / "library"
    shutil.copytree(course_library, copy)
    for name, password in PASSWORDS.items():
        AccountStore(copy).add(name, password, Role.TEACHER if name == "tess" else Role.STUDENT)
    return copy


@pytest.fixture(scope="module")
def class_server(class_library: Path, serve: Callable[..., Server]) -> Server:
    return serve(class_library, "--host", "0.0.0.0")


@pytest.fixture(scope="module")
def people(browser: Browser, class_server: Server) -> Iterator[dict[str, Login]]:
    """Everybody logged in; Ann has asked a question."""
    found = {name: Login(browser, class_server.address, name) for name in PASSWORDS}
    yield found
    for login in found.values():
        login.context.close()


@pytest.fixture(scope="module")
def conversation(people: dict[str, Login]) -> str:
    return people["ann"].ask(QUESTION)


def test_forty_tries_to_reach_what_is_another_persons(people: dict[str, Login], conversation: str) -> None:
    ann, ben = people["ann"], people["ben"]
    reached: list[str] = []
    exchange = str(ann.page.locator(".exchange").last.get_attribute("id")).removeprefix("exchange-")
    tries = 0

    def tried(what: str, response: APIResponse) -> None:
        nonlocal tries
        tries += 1
        text = response.text()
        if response.ok and (SECRET_WORD in text or f"exchange-{exchange}" in text):
            reached.append(f"{what}: {response.status}")

    tab = ann.posted[-1]["session_hash"]
    for form in ("md", "html", "jsonl", "../x"):
        tried(f"export {form}", ben.get(f"/lectern/export/{conversation}?form={form}"))
    tried("export of an exchange", ben.get(f"/lectern/export/{exchange}"))
    tried("events of Ann's tab", ben.get(f"/gradio_api/queue/data?session_hash={tab}"))
    tried("two tabs in one address", ben.get(f"/gradio_api/queue/data?session_hash=x&session_hash={tab}"))
    tried("heartbeat", ben.get(f"/gradio_api/heartbeat/{tab}"))
    # Ann's own events as she posted them, each by Ben: in her tab, and in a tab of his with her conversation.
    events = {event["fn_index"]: event for event in ann.posted}
    for number, event in list(events.items())[:12]:
        for path in ("/gradio_api/queue/join", "/gradio_api/run/predict"):
            tried(f"event {number} in Ann's tab", ben.post(path, event))
        data = [conversation if isinstance(value, str) else value for value in event["data"]]
        mine = event | {"session_hash": f"bens-{number}", "data": data}
        tried(f"event {number} with Ann's conversation", ben.post("/gradio_api/run/predict", mine))
    given = {
        "conversation": conversation,
        "exchange": exchange,
        "verdict": "good",
        "typed": SECRET_WORD,
        "n": "1",
    }
    for number in range(24):
        named = ben.posted[-1] | {"fn_index": number, "event_data": given}
        tried(f"own event {number} with Ann's conversation", ben.post("/gradio_api/run/predict", named))
    for path in ("/lectern/study/markdown", f"/lectern/study/{conversation}", "/gradio_api/file=/etc/passwd"):
        tried(path, ben.get(path))
    for name in ("conversations.sqlite", "accounts.sqlite", "people"):
        tried(name, ben.get(f"/gradio_api/file={name}"))
    tried("API", ben.get(f"/api/documents/{conversation}"))
    tried("API status", ben.get("/api/conversations"))
    assert reached == []
    assert tries >= 40
    ben.page.goto(f"{ben.address}/#conversation={conversation}")
    ben.page.reload()
    ben.page.wait_for_selector(".welcome")
    assert ben.page.locator(".exchange").count() == 0
    assert ann.get(f"/lectern/export/{conversation}").ok


def test_a_student_changes_neither_the_library_nor_sees_the_teachers_pages(
    people: dict[str, Login], conversation: str
) -> None:
    ben, tess = people["ben"], people["tess"]
    ben.page.get_by_role("tab", name="Notes").click()
    ben.page.locator(".library tr").filter(has_text="lesson-01-sampling.md").wait_for()
    assert not ben.page.locator("#upload").is_visible()
    assert not ben.page.locator(".remove summary").first.is_visible()
    for path in ("/lectern/evaluate", "/lectern/monitor", "/lectern/model"):
        assert ben.get(path).status == 403
    upload = {"files": {"name": "bees.md", "mimeType": "text/markdown", "buffer": b"# Bees"}}
    origin = {"origin": ben.address}
    sent = ben.context.request.post(f"{ben.address}/gradio_api/upload", multipart=upload, headers=origin)
    assert sent.status == 403
    tess.page.get_by_role("tab", name="Notes").click()
    remove = tess.page.locator("tr:has-text('lesson-05-uncertainty.md') .remove")
    remove.locator("summary").click()
    taken_out = lambda sent: _EVENT.search(sent.url) and '"document"' in (sent.post_data or "")  # noqa: E731
    with tess.page.expect_request(taken_out) as posted:
        remove.locator("button").click()
    tess.page.wait_for_selector("text=lesson-05-uncertainty.md was taken out")
    event = json.loads(posted.value.post_data or "{}")
    event["event_data"] = event["event_data"] | {"document": "lesson-01-sampling.md"}
    mine = event | {"session_hash": ben.posted[-1]["session_hash"]}
    assert ben.post("/gradio_api/queue/join", mine).status == 403
    assert "lesson-01-sampling.md" in ben.get("/api/documents").text()


def test_nobody_passes_without_a_session(browser: Browser, class_server: Server, conversation: str) -> None:
    stranger = browser.new_context()
    address = class_server.address
    for path in ("/", f"/lectern/export/{conversation}", "/lectern/study/csv", "/account"):
        found = stranger.request.get(address + path, max_redirects=0)
        assert (found.status, found.headers.get("location")) == (303, "/login")
    for path in ("/gradio_api/queue/data?session_hash=x", "/api/documents", "/v1/models"):
        assert stranger.request.get(address + path).status == 401
    login = stranger.request.post(
        f"{address}/login", form={"name": "ann", "password": PASSWORDS["ann"]}, headers={"origin": address}
    )
    assert login.status == 403, "a form without the token of its page"
    stranger.close()


def test_wrong_passwords_are_slowed_and_no_password_is_logged(
    browser: Browser, class_library: Path, serve: Callable[..., Server]
) -> None:
    running = serve(class_library, "--host", "0.0.0.0")
    stranger = browser.new_context()
    stranger.set_default_timeout(1000 * PATIENCE_SECONDS)
    page = stranger.new_page()
    statuses: list[int] = []
    while (
        429 not in statuses and len(statuses) < 20
    ):  # waits double, so that a slow machine sees one of them too
        page.goto(f"{running.address}/login")
        page.get_by_label("Name").fill("ann")
        page.get_by_label("Password").fill(f"wrong secret {len(statuses)}")
        with page.expect_response("**/login") as response:
            page.get_by_role("button", name="Log in").click()
        statuses.append(response.value.status)
    assert statuses[:FREE_TRIES] == [401] * FREE_TRIES
    assert statuses[-1] == 429
    assert page.get_by_text("Too many wrong passwords. Wait").is_visible()
    stranger.close()
    log = running.close()
    assert "wrong secret" not in log
    assert PASSWORDS["ann"] not in log


def test_eight_browsers_each_have_their_own_conversations(
    browser: Browser, people: dict[str, Login], conversation: str, class_server: Server
) -> None:
    logins = [Login(browser, class_server.address, name) for name in ("ann", "ben") for _ in range(4)]
    for number, login in enumerate(logins):
        # A new tab shows the welcome already, so the answer of the server is what says that the conversation is new.
        with login.page.expect_response(_EVENT) as begun:
            login.page.get_by_role("button", name="New conversation").click()
        begun.value.finished()
        login.page.wait_for_selector(".welcome")
        login.page.get_by_role("textbox", name="Question").fill(f"What is aliasing, number {number}?")
        login.page.keyboard.press("Enter")
    for number, login in enumerate(logins):
        login.page.wait_for_selector(f".exchange.answered:has-text('number {number}')")
    for login, own in ((logins[0], range(4)), (logins[7], range(4, 8))):
        login.page.reload()
        login.page.wait_for_selector(".conversations .open")
        listed = login.page.locator(".conversations .title").all_inner_texts()
        mentioned = {n for n in range(8) if any(f"number {n}" in title for title in listed)}
        assert mentioned == set(own)
    for login in logins:
        login.context.close()


def test_logging_out_ends_the_session(browser: Browser, class_server: Server) -> None:
    login = Login(browser, class_server.address, "ben")
    login.page.goto(f"{class_server.address}/account")
    login.page.get_by_role("button", name="Log out").click()
    login.page.wait_for_selector("text=Log in")
    assert login.get("/").status == 303
    login.context.close()


def test_the_command_line_adds_lists_and_removes(tmp_path: Path) -> None:
    def users(*words: str, password: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ui.cli", "users", *words, "--library", str(tmp_path)]
        return subprocess.run(command, input=password, capture_output=True, text=True, cwd=ROOT, check=False)

    assert users("add", "ann", "--role", "teacher", password="owls at night\n").returncode == 0
    assert json.loads(users("list", "--json").stdout)["role"] == "teacher"
    short = users("add", "ben", password="short\n")
    assert (short.returncode, "has 5 characters" in short.stderr) == (1, True)
    assert "owls" not in users("password", "ann", password="owls at noon\n").stdout
    assert users("remove", "ann").returncode == 0
    assert users("remove", "ann").returncode == 1
