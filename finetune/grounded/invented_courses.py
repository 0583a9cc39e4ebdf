"""Invented course pages: rules, dates, tables and lists, with questions on them.

Real syllabi carry no licence that would let weights trained on them be shipped, and students ask about deadlines and
grading as much as about definitions. The templates (`invented_courses.toml`) were written for this project; names and
numbers are random, and a seed always gives the same courses.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from finetune.grounded.types import Asked, Part, Source

_FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True, slots=True)
class _Templates:
    """The word lists and the pages of the template file, by name.

    The order of the pages is that of the file.
    """

    lists: Mapping[str, Sequence[str]]
    pages: Mapping[str, Mapping[str, Any]]


@cache
def _templates() -> _Templates:
    found = tomllib.loads(_FILE.read_text("utf-8"))
    return _Templates(found["lists"], {page["name"]: page for page in found["page"]})


@dataclass(slots=True)
class _CoursePage:
    """Lines under a heading, and for some lines the ways to ask for them.

    The lines of an `ordered` page stay in their order, and may be a table.
    """

    heading: str
    ordered: bool = False
    lines: list[str] = field(default_factory=list)
    asked: list[tuple[str, tuple[str, ...], str]] = field(default_factory=list)

    def add(self, line: str, answer: str, questions: Sequence[str]) -> None:
        """Add a line with its answer and the questions that ask for it."""
        self.lines.append(line)
        self.asked.append((line, tuple(questions), answer))


def invented_courses(count: int, seed: int, part: Part = Part.TRAIN) -> list[Source]:
    """Return `count` courses of five to nine pages, each a source of its own.

    So the pages of another course answer nothing here.
    """
    rng = random.Random(seed)
    return [_course(f"invented-course-{seed}-{number}", part, rng) for number in range(count)]


def _course(name: str, part: Part, rng: random.Random) -> Source:
    """Return a course in one file or several.

    Questions on pages that it does not have have no answer.
    """
    source = Source(name, part=part)
    subject = rng.choice(_templates().lists["subjects"])
    title = rng.choice(
        (
            f"{subject} syllabus",
            subject,
            f"{subject.upper()} {rng.randrange(100, 600)}",
            f"Syllabus {subject}",
        )
    )
    page_names = list(_templates().pages)
    chosen = rng.sample(page_names, rng.randint(5, 9))
    pages = [_page(page, subject, rng) for page in chosen]
    bullet = rng.choice(("- ", "* ", "", "• "))
    whole = rng.random() < 0.6
    while pages:
        together = [pages.pop() for _ in range(len(pages) if whole else min(len(pages), rng.randint(1, 3)))]
        _add_document(source, together, title, bullet, rng)
    for page in page_names:
        if page not in chosen and page != "facts":
            for _, questions, _ in _page(page, subject, rng).asked:
                if rng.random() < 0.22:
                    source.asked.append(Asked(rng.choice(questions), (), (), "rule"))
    return source


def _add_document(
    source: Source, pages: list[_CoursePage], title: str, bullet: str, rng: random.Random
) -> None:
    """Add a Markdown file with the pages under their headings.

    The lines of a page are a list, lines, a table or a paragraph.
    """
    document = f"{title.lower().replace(' ', '-')}-{len(source.documents) + 1}.md"
    text = f"# {title}\n\n" if rng.random() < 0.85 else ""
    for page in pages:
        order = list(page.lines)
        if not page.ordered and rng.random() < 0.5:
            rng.shuffle(order)
        table = page.ordered and order[0].startswith("|")
        glue, mark = (
            ("\n", "") if table else rng.choice((("\n", bullet or "- "), ("\n\n", bullet), (" ", "")))
        )
        text += f"## {page.heading}\n\n"
        places: dict[str, tuple[str, int, int]] = {}
        for line in order:
            ended = _ended(line, glue)
            start = len(text) + len(mark)
            places[line] = (document, start, start + len(ended))
            text += mark + ended + glue
        text = text.rstrip() + "\n\n"
        for line, questions, answer in page.asked:
            for asked in rng.sample(questions, min(2, len(questions))):
                source.asked.append(Asked(asked, (places[line],), (answer,) if answer else (), "rule"))
    source.documents[document] = text


def _ended(line: str, glue: str) -> str:
    """A line that runs on in a paragraph needs its full stop."""
    return line if glue != " " or line.endswith((".", "|")) else line + "."


def _page(name: str, subject: str, rng: random.Random) -> _CoursePage:
    """Return the page of a name, with values drawn for it."""
    page = _templates().pages[name]
    if name == "grading":
        return _grading(page, subject, rng)
    if name == "schedule":
        return _schedule(page, rng)
    if name == "facts":
        return _facts(page, rng)
    made = _CoursePage(rng.choice(page["headings"]))
    _add_lines(made, page["line"], subject, rng)
    return made


def _add_lines(
    page: _CoursePage, lines: Sequence[Mapping[str, Any]], subject: str, rng: random.Random
) -> None:
    """Add the lines of a template; later lines can use the values of earlier ones."""
    values: dict[str, Any] = {"subject": subject}
    for line in lines:
        if "probability" in line and rng.random() >= line["probability"]:
            continue
        for name, source in line.get("draw", {}).items():
            values[name] = _drawn(source, values, rng)
        for name, rule in line.get("derive", {}).items():
            values[name] = _derived(rule, values)
        forms = line["forms"]
        form = rng.choice(forms) if len(forms) > 1 else forms[0]
        questions = [question.format(**values) for question in line["questions"]]
        page.add(form.format(**values), line.get("answer", "").format(**values), questions)


def _drawn(source: Any, values: Mapping[str, Any], rng: random.Random) -> Any:
    """Return a random value of a range, of a list by name, or of given choices."""
    if isinstance(source, Mapping):
        return rng.randrange(source["from"], source["to"])
    value = rng.choice(_templates().lists[source] if isinstance(source, str) else source)
    return value.format(**values) if isinstance(value, str) else value


def _derived(rule: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """Return the sum of values and numbers, or the plural ending for a value."""
    if "plural" in rule:
        return "s" if values[rule["plural"]] > 1 else ""
    return sum(values[term] if isinstance(term, str) else term for term in rule["sum"])


def _grading(page: Mapping[str, Any], subject: str, rng: random.Random) -> _CoursePage:
    """Return the parts of a grade as a table or as lines; shares add up to 100 %."""
    parts = rng.sample(page["parts"], rng.randint(3, 6))
    cuts = sorted(rng.sample(range(1, 20), len(parts) - 1))
    shares = [5 * (b - a) for a, b in zip((0, *cuts), (*cuts, 20), strict=True)]
    table = rng.random() < 0.45
    made = _CoursePage(rng.choice(page["headings"]), ordered=table)
    if table:
        made.lines += page["table"]
    style = rng.choice(page["forms"])
    for part, share in zip(parts, shares, strict=True):
        line = (page["row"] if table else style).format(part=part, share=share)
        made.add(line, str(share), [question.format(low=part.lower()) for question in page["questions"]])
    if not table:
        _add_lines(made, page["line"], subject, rng)
    return made


def _schedule(page: Mapping[str, Any], rng: random.Random) -> _CoursePage:
    """Return four to eight weeks with their topics and the work that is due."""
    made = _CoursePage(rng.choice(page["headings"]), ordered=True)
    style = rng.choice(page["forms"])
    if style.startswith("|"):
        made.lines += page["table"]
    start = rng.randrange(1, 8)
    for week, topic in enumerate(rng.sample(page["topics"], rng.randint(4, 8)), start):
        line = style.format(week=week, topic=topic, due=rng.choice(page["due"]))
        made.add(line, topic, [question.format(week=week, topic=topic) for question in page["questions"]])
    return made


def _facts(page: Mapping[str, Any], rng: random.Random) -> _CoursePage:
    """Return a table of three to five names with two random values each."""
    made = _CoursePage(rng.choice(page["headings"]), ordered=True)
    names = rng.sample(page["names"], rng.randint(3, 5))
    columns = rng.sample(page["columns"], 2)
    made.lines += [f"| name | {columns[0]} | {columns[1]} |", "|---|---|---|"]
    for name in names:
        values = [f"{rng.uniform(0.1, 99):.{rng.randint(0, 2)}f}" for _ in columns]
        pick = rng.randrange(2)
        questions = [question.format(column=columns[pick], name=name) for question in page["questions"]]
        made.add(f"| {name} | {values[0]} | {values[1]} |", values[pick], questions)
    return made
