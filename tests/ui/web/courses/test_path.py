"""The course in an address is the root of its page, and nothing else of the path changes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ui.web.courses.path import CoursePath, course_in, path_in_course


def served(path: str) -> dict[str, Any]:
    """The scope that the app behind the middleware gets; empty if it was not asked."""
    found: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.update(scope)

    async def send(message: Any) -> None:
        found.setdefault("sent", []).append(message)

    asyncio.run(CoursePath(app)({"type": "http", "path": path}, None, send))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    ("path", "course", "inner"),
    [
        ("/", "", "/"),
        ("/course/optics/", "optics", "/"),
        ("/course/optics/gradio_api/queue/join", "optics", "/gradio_api/queue/join"),
        ("/course/../", "", "/course/../"),
        ("/course/Optics/", "", "/course/Optics/"),
        ("/course/optics%2f/", "", "/course/optics%2f/"),
        ("/courses/optics/", "", "/courses/optics/"),
        ("/course/one/course/two/", "one", "/course/two/"),
    ],
)
def test_a_course_is_taken_out_of_the_path(path: str, course: str, inner: str) -> None:
    scope = served(path)
    assert (course_in(scope), path_in_course(scope), scope["path"]) == (course, inner, path)
    assert scope.get("root_path", "") == (f"/course/{course}" if course else "")


def test_an_address_without_its_slash_leads_to_the_one_with_it() -> None:
    (start, _) = served("/course/optics")["sent"]
    assert (start["status"], start["headers"][0]) == (307, (b"location", b"/course/optics/"))
