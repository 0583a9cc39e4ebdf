"""The page in other languages: whole catalogues, no bare words, and the language of a request."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import datetime
from gettext import GNUTranslations
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pytest
from babel.dates import format_skeleton
from babel.messages.catalog import Message
from babel.messages.mofile import write_mo
from babel.numbers import format_decimal
from jinja2 import nodes

from eval.golden.feedback import Verdict
from eval.metrics.metric_words import _WORDS as METRIC_WORDS
from eval.metrics.metric_words import words_for
from eval.monitoring.drift import Drift, Reference
from rag.answer.texts import UNCONFIRMED_LEAD
from rag.settings_loading import known_keys
from rag.types import AnswerKind
from tests.ui.web.catalogues import FOLDERS, KEYWORDS, OTHERS, catalogue, messages
from ui.answer_marks import EXTRACT_TITLE, SentenceMark
from ui.teacher import words as teacher_words
from ui.teacher.setting_words import SETTINGS
from ui.web.catalogue import Catalogue
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
NOT_WORDS = {"Lectern", "◐", "p", "s", "×"}
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
        self._silent = tag in ("style", "code")
        self.found += [value for name, value in attrs if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found.append(data)


PAGES = sorted([*TEMPLATES.glob("*.j2"), *FOLDERS[1].glob("templates/*.j2")])


@pytest.mark.parametrize("template", PAGES, ids=[path.name for path in PAGES])
def test_a_template_has_no_words_outside_the_catalogue(template: Path) -> None:
    tree = environment().parse(template.read_text(encoding="utf-8"))
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


VIEWS = sorted([*(WEB / "views").glob("*.py"), *FOLDERS[1].glob("*.py")])


@pytest.mark.parametrize("view", VIEWS, ids=[path.stem for path in VIEWS])
def test_a_view_has_no_sentence_outside_the_catalogue(view: Path) -> None:
    assert not [text for text in _sentences(view) if re.search(r"^[A-Z]\w+ \w+|\w+ \w+ \w+ \w+", text)]


def test_no_message_is_inside_an_f_string_where_no_extractor_finds_it() -> None:
    for path in (path for folder in FOLDERS for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                for call in ast.walk(node):
                    named = isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
                    if named and call.func.id in KEYWORDS and isinstance(call.args[0], ast.Constant):
                        pytest.fail(f"{path.name}:{node.lineno}: take the message out of the f-string")


def test_the_words_of_other_packages_are_theirs() -> None:
    assert {mark.value for mark in SentenceMark} | {EXTRACT_TITLE, UNCONFIRMED_LEAD} <= set(SHARED_WORDS)


def test_the_words_of_evaluation_and_monitoring_are_theirs() -> None:
    labels = {words.label for words in METRIC_WORDS.values()}
    assert set(teacher_words.METRICS) == labels
    assert set(SETTINGS) == {str(words) for words in known_keys().values()}
    assert teacher_words.metric("recall@7") == words_for("recall@7").label
    assert [teacher_words.outcome(kind) for kind in AnswerKind if kind is not AnswerKind.NONE] == [
        kind.value.replace("talk", "small talk") for kind in AnswerKind if kind is not AnswerKind.NONE
    ]
    assert [teacher_words.verdict_words(verdict) for verdict in Verdict] == list(Verdict)


@pytest.mark.parametrize("p_value", [None, 0.3, 0.004, 0.0001])
@pytest.mark.parametrize("against", list(Reference))
def test_drift_is_said_as_the_command_line_says_it(against: Reference, p_value: float | None) -> None:
    found = Drift(against, 1500, 65, None if p_value is None else 0.1, p_value)
    assert teacher_words.drift_sentence(found).replace(",", "") == found.sentence.replace(",", "")


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


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_is_the_one_that_babel_compiles(language: str) -> None:
    compiled = BytesIO()
    write_mo(compiled, catalogue(language))
    compiled.seek(0)
    right, read = GNUTranslations(compiled), Catalogue(LOCALES / f"{language}.po")
    for message in filter(lambda each: each.id, catalogue(language)):
        if isinstance(message.id, str):
            assert read.gettext(message.id) == right.gettext(message.id)
        else:
            numbers = range(130)
            assert [read.ngettext(*message.id, n) for n in numbers] == [
                right.ngettext(*message.id, n) for n in numbers
            ]


def test_a_fuzzy_an_empty_and_an_unknown_message_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "x.po").write_text(
        'msgid ""\nmsgstr ""\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
        '#, fuzzy\nmsgid "guess"\nmsgstr "geraten"\n\nmsgid "empty"\nmsgstr ""\n\n'
        '#~ msgid "old"\n#~ msgstr "alt"\n\nmsgid "a \\"word\\""\nmsgstr ""\n"ein "\n"\\"Wort\\""\n',
        encoding="utf-8",
    )
    read = Catalogue(tmp_path / "x.po")
    assert [read.gettext(each) for each in ("guess", "empty", "old", 'a "word"')] == [
        "guess", "empty", "old", 'ein "Wort"'
    ]  # fmt: skip
    assert [read.ngettext("one", "many", n) for n in (1, 2)] == ["one", "many"]


@pytest.mark.parametrize("language", OTHERS)
def test_numbers_and_days_are_as_babel_writes_them(language: str) -> None:
    with using(language):
        for value in (0, 7, 999, 1000, 12_345, 1_234_567, -1234):
            assert number(value) == format_decimal(value, "#,##0", language)
            assert number(value / 8, 2) == format_decimal(round(value / 8, 2), "#,##0.00", language)
        for month in range(1, 13):
            day = datetime(2026, month, 2 * month)
            assert day_of_month(day) == format_skeleton("MMMd", day, locale=language)


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
