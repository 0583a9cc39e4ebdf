"""Source code, other encodings, other suffixes and saved pages with known facts."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage

from benchmarks.reading.facts import Bank, Fact
from benchmarks.reading.text_files import Made, head, rows_of


def other_files(bank: Bank) -> Iterator[Made]:
    """Yield the files."""
    for name, text, facts in _others(bank):
        yield name, text.encode() if isinstance(text, str) else text, facts


def _others(bank: Bank) -> Iterator[tuple[str, str | bytes, list[Fact]]]:
    """Yield source code, other encodings and other suffixes of the same formats."""
    a, b = bank.take("docstring"), bank.take("comment")
    yield (
        "others/lab.py",
        f'"""{a.statement}"""\n\n\ndef run() -> None:\n    # {b.statement}\n    pass\n',
        [a, b],
    )
    a = bank.take("UTF-16")
    yield "others/wide.txt", f"Größe der Dinge\n\n{a.statement}\n".encode("utf-16"), [a]
    a = bank.take("list item")
    yield "others/lesson.Rmd", f"---\ntitle: Lesson\n---\n\n## Things\n\n1. first\n2. {a.statement}\n", [a]
    a = bank.take("callout")
    yield "others/callout.md", f"# Note\n\n> [!important] Exam\n> {a.statement}\n", [a]
    a = bank.take()
    yield "others/chapter.latex", f"\\chapter{{Things}}\n{a.statement}\n", [a]
    a = bank.take()
    yield (
        "others/page.xhtml",
        f"<html xmlns='http://www.w3.org/1999/xhtml'><body><h1>Things</h1><p>{a.statement}</p></body></html>",
        [a],
    )
    a, b = bank.take(), bank.take("after the table")
    rows, facts = rows_of(bank, 3)
    yield (
        "others/mixed.md",
        f"# Mixed\n\n{a.statement}\n\n| {' | '.join(head())} |\n|{'---|' * len(head())}\n"
        + "".join(f"| {' | '.join(row)} |\n" for row in rows)
        + f"\n{b.statement}\n",
        [a, b, *facts],
    )
    message = EmailMessage()
    message["Subject"], message["From"] = "Saved page", "<Saved by a browser>"
    a = bank.take("saved page")
    message.set_content(f"<html><body><h1>Things</h1><p>{a.statement}</p></body></html>", subtype="html")
    yield "others/saved.mhtml", message.as_bytes(), [a]
