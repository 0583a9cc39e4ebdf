"""The web app serves the same API under its own address."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE_SECONDS

ANSWER = "A window reduces spectral leakage."


@pytest.fixture
def web(make_site: Callable[..., Any], tmp_path: Path) -> Iterator[Any]:
    """A client of the web app over the first course, in this process."""
    from starlette.testclient import TestClient

    from ui.access import Access
    from ui.web.desk import Desk
    from ui.web.server import build_app, silence

    silence()
    application = make_site().application
    desk = Desk(application)
    desk.load()
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    app = build_app(desk, Access("127.0.0.1", application.settings.access), uploads)
    with TestClient(app, base_url="http://127.0.0.1:7860") as client:
        client.app_library = desk.library.folder  # type: ignore[attr-defined]
        yield client


def test_the_same_paths(web: Any) -> None:
    body = {"model": "lectern", "messages": [{"role": "user", "content": "What reduces spectral leakage?"}]}
    answer = web.post("/v1/chat/completions", json=body).json()
    assert ANSWER in answer["choices"][0]["message"]["content"]
    assert answer["lectern"]["course"] == "signals"
    found = web.post("/api/search", json={"question": "leakage"}).json()
    assert found["hits"][0]["document"] == "lecture-02-leakage.md"
    assert web.get("/openapi.json").json()["info"]["title"] == "Lectern"
    assert len(web.get("/api/documents").json()["documents"]) == 2
    # The page and its own guard are as before.
    assert "text/html" in web.get("/").headers["content-type"]
    assert web.get("/config").status_code == 404
    assert web.get("/gradio_api/info").status_code == 404


def test_the_same_checks(web: Any) -> None:
    assert web.get("/v1/models", headers={"host": "evil.example"}).status_code == 421
    assert web.get("/v1/models", headers={"origin": "http://evil.example"}).status_code == 403
    assert web.get("/api/../config").status_code == 404
    assert web.get("/v1/%2e%2e/config").status_code == 404


def test_a_course_made_in_the_app_is_served_beside_the_first(web: Any, tmp_path: Path) -> None:
    from ui.web.courses.registry import CourseRegistry

    web.get("/")
    registry = CourseRegistry(web.app_library)
    registry.make("Optics")
    assert [model["id"] for model in web.get("/v1/models").json()["data"]][:3] == [
        "lectern", "lectern/signals", "lectern/optics"
    ]  # fmt: skip
    assert web.get("/api/documents?course=optics").json()["documents"] == []
    assert len(web.get("/api/documents").json()["documents"]) == 2
    assert "text/html" in web.get("/course/optics/").headers["content-type"]
    assert web.get("/course/optics", follow_redirects=False).headers["location"] == "/course/optics/"
    assert (
        "/course/optics/gradio_api" in web.get("/course/optics/").text
        or '/course/optics"' in web.get("/course/optics/").text
    )
    for gone in (
        "/course/nowhere/",
        "/course/optics/config",
        "/course/optics/course/optics/",
        "/course/optics/v1/models",
    ):
        assert web.get(gone).status_code in (404, 410), gone
    registry.remove("optics")
    assert web.get("/course/optics/").status_code == 410
    assert web.get("/api/documents?course=optics").status_code == 404


def test_a_scrape_opens_no_course_and_survives_one_that_cannot_be_opened(web: Any) -> None:
    from ui.web.courses.registry import CourseRegistry

    def courses() -> set[str]:
        response = web.get("/metrics")
        assert response.status_code == 200
        return set(re.findall(r'lectern_library_readable{course="(.*)"} 1', response.text))

    registry = CourseRegistry(web.app_library)
    registry.make("Optics")
    assert courses() == {"signals"}
    assert not registry.folder("optics").exists()
    assert web.get("/api/documents?course=optics").status_code == 200
    registry.make("Broken")
    registry.folder("broken").write_text("a file where a folder is expected")
    assert courses() == {"signals", "optics"}
    registry.remove("optics")
    assert courses() == {"signals"}


def test_health_needs_no_account_and_metrics_a_teachers(web: Any) -> None:
    from ui.accounts.cookies import session_cookie
    from ui.accounts.person import Role
    from ui.accounts.store import AccountStore

    assert web.get("/healthz").json() == {"status": "ok"}
    body = {"question": "What reduces spectral leakage?", "stream": False}
    assert web.post("/api/ask", json=body).status_code == 200
    metrics = web.get("/metrics").text
    counted = [line for line in metrics.splitlines() if re.match(r"lectern_answers_total.* [1-9]", line)]
    assert counted == ['lectern_answers_total{kind="answer"} 1']
    assert 'lectern_requests_waiting{queue="page"} 0' in metrics
    accounts = AccountStore(web.app_library)
    ann = accounts.add("ann", "correct horse battery", Role.STUDENT).person
    tess = accounts.add("tess", "correct horse battery", Role.TEACHER).person
    assert (web.get("/metrics").status_code, web.get("/healthz").status_code) == (401, 200)
    for person, status in ((ann, 403), (tess, 200)):
        headers = {"cookie": f"{session_cookie(web.app_library)}={accounts.begin_session(person)}"}
        assert web.get("/metrics", headers=headers).status_code == status


def test_a_model_server_that_comes_later_is_found(
    make_site: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rag.errors import ModelMissing
    from tests.rag.chat_models.test_openai_endpoint import serving
    from ui.api.server import _load
    from ui.metrics.health import fault
    from ui.model_opening import lazy_model
    from ui.web.desk import Desk, LoadingStage

    def answers(*_: Any) -> None:
        raise AssertionError

    for module in ("ui.web.desk", "ui.api.server"):
        monkeypatch.setattr(f"{module}.AGAIN_SECONDS", 0.05)
    site = make_site()
    application = site.application
    with serving(answers) as (url, _):
        pass  # the address is free again
    model = application.settings.model.model_copy(update={"name": f"openai:m@{url},http://127.0.0.1:9"})
    application.settings = application.settings.model_copy(update={"model": model})
    application._model = lazy_model(model)
    desk = Desk(application)
    desk.load()
    with pytest.raises(ModelMissing, match="all 2 addresses of the model fail"):
        desk.chain()
    assert 'lectern_errors_total{type="ModelMissing"} 1' in list(desk.turns.metrics.lines())
    assert fault(application) == "The language model is not loaded yet."
    serves = threading.Thread(target=_load, args=(site.courses,), daemon=True)  # as `lectern serve` does
    serves.start()
    serves.join(0.2)
    assert serves.is_alive()
    with serving(answers, port=int(url.rpartition(":")[2])):
        while desk.status().stage is not LoadingStage.READY:
            threading.Event().wait(0.01)
        serves.join(PATIENCE_SECONDS)
        assert not serves.is_alive()
        assert fault(application) == ""
