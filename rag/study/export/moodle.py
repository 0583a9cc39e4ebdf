"""Moodle's XML format, which keeps ids, tags and tolerances.

Source: docs.moodle.org, "Moodle XML format".
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from rag.study.export.markup import html_for_moodle, source_line
from rag.study.items import Item, ItemKind, Topic
from rag.study.numbers import value_of


def moodle_xml(items: Sequence[Item], title: str) -> bytes:
    """Return the items as a Moodle XML file whose category is `title`."""
    quiz = ElementTree.Element("quiz")
    category = ElementTree.SubElement(quiz, "question", type="category")
    _text(
        ElementTree.SubElement(category, "category"), f"$course$/{' '.join(title.replace('/', '-').split())}"
    )
    for item in items:
        _question(quiz, item)
    ElementTree.indent(quiz)
    return bytes(ElementTree.tostring(quiz, encoding="utf-8", xml_declaration=True))


def _question(quiz: ElementTree.Element, item: Item) -> None:
    value = value_of(item.answer)
    essay = item.kind is ItemKind.CODE or (item.topic is Topic.FORMULA and not item.choices)
    kind = (
        "multichoice"
        if item.choices
        else "essay"
        if essay
        else "shortanswer"
        if value is None
        else "numerical"
    )
    question = ElementTree.SubElement(quiz, "question", type=kind)
    _text(ElementTree.SubElement(question, "name"), f"{item.place} {item.id[:6]}")
    _html(ElementTree.SubElement(question, "questiontext"), item.question)
    _html(ElementTree.SubElement(question, "generalfeedback"), f"{item.explanation} ({source_line(item)})")
    ElementTree.SubElement(question, "idnumber").text = item.id
    if kind == "multichoice":
        ElementTree.SubElement(question, "single").text = "true"
        ElementTree.SubElement(question, "shuffleanswers").text = "true"
        for choice in item.choices:
            _answer(question, choice, choice == item.answer, "html")
    elif kind == "essay":
        _html(ElementTree.SubElement(question, "graderinfo"), item.answer)
    elif kind == "numerical":
        answer = _answer(question, str(value), True, "moodle_auto_format")
        ElementTree.SubElement(answer, "tolerance").text = f"{abs(value) / 100 if value is not None else 0:f}"
    else:
        ElementTree.SubElement(question, "usecase").text = "0"
        for spelling in dict.fromkeys((item.answer, *item.answers)):
            _answer(question, spelling, True, "moodle_auto_format")
    tags = ElementTree.SubElement(question, "tags")
    for name in dict.fromkeys((item.topic.value, *item.section)):
        _text(ElementTree.SubElement(tags, "tag"), name)


def _answer(question: ElementTree.Element, text: str, right: bool, form: str) -> ElementTree.Element:
    answer = ElementTree.SubElement(question, "answer", fraction="100" if right else "0", format=form)
    _text(answer, html_for_moodle(text) if form == "html" else text)
    return answer


def _html(element: ElementTree.Element, text: str) -> None:
    element.set("format", "html")
    _text(element, html_for_moodle(text))


def _text(element: ElementTree.Element, text: str) -> None:
    ElementTree.SubElement(element, "text").text = text
