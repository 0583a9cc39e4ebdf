"""The page in other languages: whole catalogues, no bare words, and the language of a request."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from jinja2 import nodes

from rag.answer.texts import UNCONFIRMED_LEAD
from tests.ui.web.catalogues import KEYWORDS, OTHERS, catalogue, messages
from ui.answer_marks import EXTRACT_TITLE, SentenceMark
from ui.web.language import (
    LOCALES,
    asked_for,
    day_of_month,
    direction,
    gettext,
    marked,
    ngettext,
    number,
    unmarked,
    using,
)
from ui.web.shared_words import SHARED_WORDS
from ui.web.views.render import TEMPLATES, environment

WEB = LOCALES.parent
PLACE = re.compile(r"%\((\w+)\)s")
NOT_WORDS = {"Lectern", "◐"}
SPOKEN = {"aria-label", "title", "placeholder", "alt"}


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_has_every_message(language: str) -> None:
    entries: dict[str, Message] = {
        message.id if isinstance(message.id, str) else message.id[0]: message
        for message in catalogue(language)
        if message.id
    }
    wanted = messages()
    assert not wanted.keys() - entries.keys(), "run `make catalogue`, then fill in ui/web/locale/*.po"
    for key, message in ((key, entries[key]) for key in wanted):
        strings = [message.string] if isinstance(message.string, str) else message.string
        assert all(strings) and not message.fuzzy, f"{key!r} has no translation"
        places = {frozenset(PLACE.findall(text)) for text in strings}
        assert places <= {frozenset(PLACE.findall(text)) for text in wanted[key]} | {
            frozenset(PLACE.findall(wanted[key][-1])) - {"n"}
        }, f"{key!r} has other places for values"
        assert not re.search('[<>&"]', "".join(strings)), (
            f"{key!r}: a marked message is put into HTML as it is"
        )


class _Words(HTMLParser):
    """The texts and spoken attributes of a piece of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent = tag == "style"
        self.found += [value for name, value in attrs if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found.append(data)


@pytest.mark.parametrize("template", sorted(path.name for path in TEMPLATES.glob("*.j2")))
def test_a_template_has_no_words_outside_the_catalogue(template: str) -> None:
    tree = environment().parse((TEMPLATES / template).read_text(encoding="utf-8"))
    html = "".join(
        each.data if isinstance(each, nodes.TemplateData) else "\ue000"
        for output in tree.find_all(nodes.Output)
        for each in output.nodes
    )
    words = _Words()
    words.feed(html)
    bare = [text for text in words.found if any(map(str.isalpha, text.replace("\ue000", "")))]
    translated = {
        argument
        for call in tree.find_all(nodes.Call)
        if isinstance(call.node, nodes.Name) and call.node.name in KEYWORDS
        for argument in call.args
    }
    constants = [
        constant.value
        for constant in tree.find_all(nodes.Const)
        if isinstance(constant.value, str) and constant not in translated
    ]
    spoken = [text for text in constants if re.search(r"[A-Z]\w|\w \w", text)]
    assert not [text for text in bare + spoken if text.strip(" .:,·…\ue000") not in NOT_WORDS | {""}]


def _sentences(path: Path) -> Iterator[str]:
    """Yield the strings of a module that read like words on the page, outside calls of the catalogue."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    quiet = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in KEYWORDS:
            quiet |= {id(node) for argument in call.args for node in ast.walk(argument)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in quiet:
            yield node.value


VIEWS = sorted((WEB / "views").glob("*.py"))


@pytest.mark.parametrize("view", VIEWS, ids=[path.stem for path in VIEWS])
def test_a_view_has_no_sentence_outside_the_catalogue(view: Path) -> None:
    assert not [text for text in _sentences(view) if re.search(r"^[A-Z]\w+ \w+|\w+ \w+ \w+ \w+", text)]


def test_no_message_is_inside_an_f_string_where_no_extractor_finds_it() -> None:
    for path in WEB.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                for call in ast.walk(node):
                    named = isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
                    if named and call.func.id in KEYWORDS and isinstance(call.args[0], ast.Constant):
                        pytest.fail(f"{path.name}:{node.lineno}: take the message out of the f-string")


def test_the_words_of_other_packages_are_theirs() -> None:
    assert {mark.value for mark in SentenceMark} | {EXTRACT_TITLE, UNCONFIRMED_LEAD} <= set(SHARED_WORDS)


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        ("", "", "en"),
        ("", "de-AT,de;q=0.9,en;q=0.8", "de"),
        ("", "fi,es;q=0.5,en;q=0.4", "es"),
        ("", "en;q=0.5,es;q=0.9", "es"),
        ("", "fi, sv;q=broken", "en"),
        ("lectern-language=es", "de", "es"),
        ("lectern-language=<script>", "de", "de"),
        ("other=1; lectern-language=de", "es", "de"),
        ("=;;=\x00", "es", "es"),
    ],
)
def test_the_chosen_language_comes_before_the_accepted_one(cookie: str, accepted: str, language: str) -> None:
    assert asked_for({"cookie": cookie, "accept-language": accepted}) == language


def test_messages_numbers_and_days_are_in_the_current_language() -> None:
    assert gettext("Ask") == "Ask"
    with using("de"):
        assert gettext("Show passage %(n)s", n=3) == "Textstelle 3 zeigen"
        assert ngettext("%(n)s passage", "%(n)s passages", 1) == "1 Textstelle"
        assert ngettext("%(n)s passage", "%(n)s passages", 1234) == "1.234 Textstellen"
        assert number(1234.56, 1) == "1.234,6"
        assert day_of_month(datetime(2026, 3, 7)) == "7. März"
    assert ngettext("%(n)s passage", "%(n)s passages", 1234) == "1,234 passages"
    assert number(1234.56, 1) == "1,234.6"


def test_the_frame_is_translated_when_it_is_sent() -> None:
    frame = {
        "label": marked("Ask"),
        "html": f"<h2>{marked('Study')}</h2>",
        "rest": [1, None, marked("LANGUAGE")],
    }
    assert unmarked(frame) == {"label": "Ask", "html": "<h2>Study</h2>", "rest": [1, None, "en"]}
    with using("de"):
        assert unmarked(frame) == {"label": "Fragen", "html": "<h2>Lernen</h2>", "rest": [1, None, "de"]}
    assert (direction("de"), direction("ar")) == ("ltr", "rtl")
