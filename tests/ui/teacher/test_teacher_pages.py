"""The pages of a teacher over a real library and real models, without a browser."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Self

import pytest
from fastapi.testclient import TestClient

from rag.library.question_log import QuestionLog
from tests.patience import PATIENCE_SECONDS
from tests.ui.web.catalogues import OTHERS
from ui.access import Access
from ui.application import Application, load
from ui.teacher.pages import add_teacher_pages
from ui.web.chat_events import ChatEvents
from ui.web.desk import Desk
from ui.web.language import direction, gettext, using
from ui.web.server import build_app, silence

pytestmark = pytest.mark.model

QUESTION = "Why would anybody oversample a sensor?"


class StoppedClock(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        """Return the one time."""
        return cls(2026, 1, 31, 12, tzinfo=tz)


@pytest.fixture(scope="module")
def library(course_library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("teacher") / "library"
    shutil.copytree(course_library, copy)
    return copy


@pytest.fixture(scope="module")
def desk(library: Path) -> Desk:
    silence()
    desk = Desk(Application(load(library)))
    desk.load()
    desk.chain()
    return desk


@pytest.fixture(scope="module")
def client(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    access = Access("127.0.0.1", desk.settings.access)
    app = build_app(desk, access, tmp_path_factory.mktemp("uploads"), add_teacher_pages)
    yield TestClient(app, base_url="http://127.0.0.1:7860")


def sent(client: TestClient, address: str, **fields: str) -> Any:
    """Send a form as the page of this address has it."""
    page = client.get("/lectern/monitor").text
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token is not None
    return client.post(
        address, data={"token": token[1], **fields}, headers={"origin": "http://127.0.0.1:7860"}
    )


def ended(client: TestClient, page: str = "/lectern/evaluate") -> str:
    """Wait until the work of a page has ended, and return the page."""
    until = time.monotonic() + PATIENCE_SECONDS
    while "data-poll" in client.get(f"{page}/progress").text:
        assert time.monotonic() < until
    return client.get(page).text


def runs_of(library: Path) -> set[Path]:
    """Return the folders of the kept runs."""
    return {one for one in (library / "runs").glob("*") if one.is_dir()}


@pytest.fixture(scope="module")
def exchange(desk: Desk, client: TestClient) -> str:
    """An answered exchange of the one person, by its id."""
    events = ChatEvents(desk)
    list(events.ask(QUESTION, "c1", "tab"))
    (found,) = events.conversations.exchanges("c1")
    return found.id


def test_a_wrong_answer_becomes_a_golden_question_that_the_next_run_counts(
    client: TestClient, exchange: str, library: Path, lectern: Callable[..., Any]
) -> None:
    form = client.get(f"/lectern/golden/{exchange}")
    assert form.status_code == 200
    passage = re.search(r'name="passage" value="([^"]+)"', form.text)
    assert passage is not None
    assert re.search(r'<div class="excerpt"[^>]*>\s*<(?:p|ul|h\d)', form.text)
    nothing = sent(client, f"/lectern/golden/{exchange}", verdict="wrong answer", answer="")
    assert (nothing.status_code, "give the right one" in nothing.text) == (400, True)
    saved = sent(
        client, f"/lectern/golden/{exchange}", verdict="wrong answer", answer="less noise", passage=passage[1]
    )
    assert "is a golden question now" in saved.text
    (line,) = (library / "golden.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["answer"] == "less noise"
    again = sent(
        client, f"/lectern/golden/{exchange}", verdict="wrong answer", answer="less noise", passage=passage[1]
    )
    assert (again.status_code, "already has a question" in again.text) == (400, True)
    assert QuestionLog(library).questions()[-1].verdict == "wrong answer"
    sent(client, "/lectern/evaluate", kind="retrieval")
    page = ended(client)
    run = re.search(r"/lectern/evaluate/run/([\w-]+)", page)
    assert run is not None
    kept = json.loads((library / "runs" / run[1] / "scores.json").read_text(encoding="utf-8"))
    assert kept["n"] == 1
    command = lectern(
        "eval", "retrieval", "--golden", library / "golden.jsonl", "--library", library, "--json"
    )
    assert json.loads(command.stdout)["metrics"] == kept["metrics"]
    assert "Metrics with 95 % intervals" in client.get(f"/lectern/evaluate/run/{run[1]}").text


def test_a_run_that_was_killed_goes_on_and_two_runs_are_compared(client: TestClient, library: Path) -> None:
    golden = Path(__file__).parents[3] / "examples" / "golden.jsonl"
    first_ten = library / "ten.jsonl"
    first_ten.write_text(
        "".join(golden.read_text(encoding="utf-8").splitlines(keepends=True)[:10]), encoding="utf-8"
    )
    before = runs_of(library)
    sent(client, "/lectern/evaluate", kind="retrieval", golden=str(first_ten))
    ended(client)
    (folder,) = runs_of(library) - before
    records = (folder / "records.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "records.jsonl").write_bytes(
        b"".join(records[:4]) + records[4][:20]
    )  # killed in the middle of a line
    (folder / "scores.json").unlink()
    assert "4 of " in client.get("/lectern/evaluate").text
    sent(client, f"/lectern/evaluate/run/{folder.name}", **{"do": "go on"})
    ended(client)
    assert len((folder / "records.jsonl").read_bytes().splitlines()) == len(records)
    copy = library / "runs" / "another-retrieval"
    shutil.copytree(folder, copy)
    compared = client.get(f"/lectern/evaluate/run/{folder.name}?beside={copy.name}").text
    assert "paired randomisation test" in compared
    sent(client, f"/lectern/evaluate/run/{copy.name}", do="delete")
    assert not copy.exists()


def test_two_runs_of_one_second_have_folders_of_their_own(
    client: TestClient, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = library / "two.jsonl"
    whole = (Path(__file__).parents[3] / "examples" / "golden.jsonl").read_text(encoding="utf-8")
    golden.write_text("".join(whole.splitlines(keepends=True)[:2]), encoding="utf-8")
    monkeypatch.setattr("ui.teacher.evaluate_pages.datetime", StoppedClock)
    for _ in range(2):
        sent(client, "/lectern/evaluate", kind="retrieval", golden=str(golden))
        assert 'class="problem"' not in ended(client)
    of_second = [one for one in runs_of(library) if one.name.startswith("2026-01-31-120000")]
    assert sorted(one.name for one in of_second) == [
        "2026-01-31-120000-retrieval",
        "2026-01-31-120000-retrieval-2",
    ]
    assert all((one / "scores.json").is_file() for one in of_second)


def test_what_cannot_be_measured_is_one_sentence(client: TestClient, library: Path) -> None:
    broken = library / "broken.jsonl"
    broken.write_text('{"id": "1", "question"\n', encoding="utf-8")
    for fields, words in (
        ({"kind": "retrieval", "golden": str(broken)}, "broken.jsonl:1: not JSON"),
        ({"kind": "retrieval", "golden": "/nowhere.jsonl"}, "No golden file at /nowhere.jsonl"),
        ({"kind": "dance"}, "neither retrieval nor answers"),
    ):
        found = sent(client, "/lectern/evaluate", **fields)
        assert found.status_code == 400
        assert words in found.text.replace("&#39;", "'")
    assert "There is no run" in client.get("/lectern/evaluate/run/nothing").text
    assert client.get("/lectern/evaluate/run/..%2Flibrary").status_code in (400, 404)


def test_monitor_counts_what_was_asked_and_forgets_it(
    client: TestClient, exchange: str, library: Path
) -> None:
    page = client.get("/lectern/monitor").text
    assert QUESTION in page
    assert "is on" in page
    assert "is no day" in client.get("/lectern/monitor?since=yesterday").text
    assert "is off" in sent(client, "/lectern/monitor/log", do="off").text
    assert "is on" in sent(client, "/lectern/monitor/log", do="on").text
    assert "Nobody has asked anything" in sent(client, "/lectern/monitor/log", do="delete").text
    with sqlite3.connect(library / "questions.sqlite") as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    other = QuestionLog(library)
    with pytest.raises(Exception, match="made by a newer version"):
        other.questions()
    with sqlite3.connect(library / "questions.sqlite") as connection:
        connection.execute("PRAGMA user_version = 1")
    connection.close()


@pytest.mark.parametrize("language", OTHERS)
def test_the_pages_are_in_the_language_of_their_reader(
    client: TestClient, exchange: str, language: str
) -> None:
    titles = {
        "evaluate": "Evaluate",
        "monitor": "Monitor",
        "model": "Model",
        f"golden/{exchange}": "Correct this answer, and every evaluation asks the question again.",
    }
    for page, title in titles.items():
        text = client.get(f"/lectern/{page}", headers={"accept-language": language}).text
        assert f'<html lang="{language}" dir="{direction(language)}">' in text
        with using(language):
            words = gettext(title)
        assert words != title
        assert re.search(f"<(h2|p)>{re.escape(words)}</", text), page
        assert "%(" not in text


def test_a_form_of_another_page_is_refused(client: TestClient) -> None:
    without = client.post(
        "/lectern/monitor/log", data={"do": "delete"}, headers={"origin": "http://127.0.0.1:7860"}
    )
    assert "came from another page" in without.text
    foreign = client.post(
        "/lectern/monitor/log", data={"do": "delete"}, headers={"origin": "http://evil.example"}
    )
    assert foreign.status_code == 403


def test_the_model_page_has_facts_presets_and_settings(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = client.get("/lectern/model").text
    for words in (
        "embedded",
        "Apache-2.0",
        "fits",
        "qwen2.5-coder-1.5b",
        "answer.gate_score",
        "best token match",
    ):
        assert words in page
    monkeypatch.chdir(tmp_path)
    assert sent(client, "/lectern/model", key="log.keep_days", value="30").status_code == 200
    assert "keep_days = 30" in (tmp_path / "lectern.toml").read_text(encoding="utf-8")
    assert sent(client, "/lectern/model", key="log.keep_days", value="-1").status_code == 400
    assert "not on this machine" in sent(client, "/lectern/model", use="llama3-8b").text
