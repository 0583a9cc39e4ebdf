"""The source viewer: from a passage into its document, on and back, with the keyboard too."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from browser_pages import Server, Visit

pytestmark = pytest.mark.browser


def test_a_passage_is_read_in_its_document_and_one_comes_back(visit: Visit) -> None:
    page = visit.page
    visit.ask.new_conversation()
    visit.ask.answered("What is the Nyquist rate?")
    opened = page.locator(".source[open]").first
    number = opened.locator(".number").inner_text()
    document = opened.locator(".document").inner_text()
    opened.get_by_role("button", name="Open in the document").press("Enter")
    page.get_by_role("heading", name=document).wait_for()
    page.wait_for_function("document.activeElement.className === 'here'")
    mark = page.locator(".here mark").first.bounding_box()
    assert mark is not None
    assert 0 < mark["y"] < 800
    shown = page.locator(".part").count()
    page.get_by_role("button", name="Show what comes after").press("Enter")
    page.wait_for_function(f"document.querySelectorAll('.part').length === {shown + 1}")
    page.get_by_role("button", name="All sources").press("Enter")
    page.wait_for_selector(f".source.current[open]:has(.number:text-is('{number}'))")
    page.get_by_role("button", name="Back to the answer").first.click()
    assert visit.ask.answer.is_visible()


TRAVERSALS = (
    "../secret.png", "../../secret.png", "..%2fsecret.png", "%2e%2e/%2e%2e/secret.png", "..%5csecret.png", "....//secret.png",
    "/etc/passwd", "//etc/passwd", "%2fetc%2fpasswd", "file:///etc/passwd", "..;/..;/etc/passwd", "%00", "secret.png%00.png",
    "C:/secret.png", "~/secret.png", "0" * 32, "0" * 32 + "/../../secret.png", "?file=/etc/passwd", "images/owl.png", "",
)  # fmt: skip


def test_a_notes_picture_is_shown_from_its_folder_and_nothing_else_is_served(
    visit: Visit, server: Server, tmp_path: Path
) -> None:
    from PIL import Image

    notes = tmp_path / "barn-owls"
    (notes / "images").mkdir(parents=True)
    for picture in (notes / "images" / "owl.png", tmp_path / "secret.png"):
        Image.new("RGB", (60, 40), (90, 60, 30)).save(picture)
    (notes / "barn-owls.md").write_text(
        "# Barn owls\n\n![The box of the barn owls](images/owl.png) ![No](../secret.png)\n\n"
        "The nest box of the barn owls is number 17.\n",
        encoding="utf-8",
    )
    visit.notes.open()
    visit.notes.add_folder(notes)
    visit.notes.row("barn-owls.md").wait_for()
    visit.ask.open()
    visit.ask.new_conversation()
    visit.ask.answered("Which number has the nest box of the barn owls?")
    visit.page.locator(".source[open] [data-action=read]").first.click()
    shown = visit.page.get_by_role("img", name="The box of the barn owls")
    visit.page.wait_for_function("(image) => image.naturalWidth === 60", arg=shown.element_handle())
    assert visit.page.locator(".reader img").count() == 1
    address = shown.evaluate("(image) => image.src")
    assert re.fullmatch(rf"{server.address}/?lectern/picture/[0-9a-f]{{32}}", address)
    with urlopen(address) as served:
        assert served.headers["content-type"] == "image/png"
        assert served.headers["x-content-type-options"] == "nosniff"
        assert served.headers["content-security-policy"] == "default-src 'none'; sandbox"
    for path in TRAVERSALS:
        with pytest.raises(HTTPError, match="404"):
            urlopen(f"{server.address.rstrip('/')}/lectern/picture/{path}")
