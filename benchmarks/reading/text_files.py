"""Files of text formats, pages, mail and notebooks with known facts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email.message import EmailMessage

from benchmarks.reading.facts import Bank, Fact

Made = tuple[str, bytes, list[Fact]]
"""A file's name, its content and its facts."""
_HEAD = ("name", "mass", "length", "age", "depth")


def text_files(bank: Bank) -> Iterator[Made]:
    """Yield the files."""
    for make in (
        _markdown,
        _tables,
        _latex,
        _rst,
        _org,
        _asciidoc,
        _html,
        _spoken,
        _mail,
        _notebooks,
    ):
        for name, text, facts in make(bank):
            yield name, text.encode() if isinstance(text, str) else text, facts


def rows_of(bank: Bank, count: int, place: str = "table") -> tuple[list[list[str]], list[Fact]]:
    """Return (rows under `_HEAD`, one fact a row)."""
    facts = [bank.cell(place) for _ in range(count)]
    rows = [
        [one.subject, *(one.value if one.measure == name else "0" for name in _HEAD[1:])] for one in facts
    ]
    return rows, facts


def head() -> list[str]:
    """Return the names of the columns of `rows_of`."""
    return list(_HEAD)


def _grid(rows: list[list[str]], sign: str = " | ") -> str:
    return "\n".join(sign.join(row) for row in [head(), *rows])


def _markdown(bank: Bank) -> Iterator[tuple[str, str, list[Fact]]]:
    a, b, c, d = (bank.take() for _ in range(4))
    e = bank.take("list")
    yield (
        "markdown/prose.md",
        f"---\ntitle: Notes\nlecturer: E. Owl\n---\n\n# Birds\n\n{a.statement} {b.statement}\n\n## More\n\n> {c.statement}\n\n{d.statement}\n\n- one\n- {e.statement}\n",
        [a, b, c, d, e],
    )
    rows, facts = rows_of(bank, 4)
    rule = "|" + "---|" * len(_HEAD)
    lines = [f"| {' | '.join(row)} |" for row in [head(), *rows]]
    yield "markdown/table.md", "# Table\n\n" + "\n".join([lines[0], rule, *lines[1:]]) + "\n", facts
    a, b = bank.take("code"), bank.take("footnote")
    yield (
        "markdown/report.qmd",
        f"# Report\n\n```{{r}}\n# {a.statement}\n```\n\nSee below.[^1]\n\n[^1]: {b.statement}\n",
        [a, b],
    )
    a = bank.take()
    yield "markdown/plain.txt", f"Notes of the day\n\n{a.statement}\n", [a]
    a = bank.take("details")
    yield (
        "markdown/html.md",
        f"# Mixed\n\n<details><summary>More</summary>\n\n{a.statement}\n\n</details>\n",
        [a],
    )
    a, b = bank.take(), bank.take()
    yield (
        "markdown/latin.txt",
        f"Äußerst größer.\n\n{a.statement}\n\n{b.statement}\n".encode("cp1252"),
        [a, b],
    )  # type: ignore[misc]


def _tables(bank: Bank) -> Iterator[tuple[str, str, list[Fact]]]:
    for number, (sign, suffix) in enumerate(((",", "csv"), (";", "csv"), ("\t", "tsv")), 1):
        rows, facts = rows_of(bank, 40)
        yield f"tables/measured{number}.{suffix}", _grid(rows, sign), facts[::8]
    one, two = bank.cell(), bank.cell()
    yield (
        "tables/notes.csv",
        f'bird,{one.measure},{two.measure},note\n{one.subject},{one.value},1,"windy, cold"\n{two.subject},2,{two.value},"calm"\n',
        [one, two],
    )


def _latex(bank: Bank) -> Iterator[tuple[str, str, list[Fact]]]:
    a, b, c, d = bank.take(), bank.take("theorem"), bank.take("footnote"), bank.take("caption")
    yield (
        "latex/article.tex",
        "\\documentclass{article}\n\\newcommand{\\bird}[1]{\\emph{#1}}\n\\begin{document}\n\\section{Birds}\n"
        f"\\bird{{Note}}: {a.statement}\\footnote{{{c.statement}}}\n\n\\begin{{theorem}}[Main]\\label{{t}} {b.statement}\\end{{theorem}}\n\\begin{{figure}}\\includegraphics{{x.png}}\\caption{{{d.statement}}}\\end{{figure}}\n\\end{{document}}\n",
        [a, b, c, d],
    )
    rows, facts = rows_of(bank, 3)
    body = " \\\\\n".join(" & ".join(row) for row in [head(), *rows])
    yield (
        "latex/table.tex",
        f"\\section{{Table}}\n\\begin{{tabular}}{{lrrrr}}\\hline {body} \\\\ \\hline\\end{{tabular}}\n",
        facts,
    )
    a, b = bank.take("item"), bank.take("slide")
    yield (
        "latex/beamer.tex",
        f"\\documentclass{{beamer}}\\begin{{document}}\\begin{{frame}}{{Birds}}\\begin{{itemize}}\\item<1-> {a.statement}\\end{{itemize}}\\pause {b.statement}\\end{{frame}}\\end{{document}}",
        [a, b],
    )
    a = bank.take("macro")
    name = a.needles[0]
    body = a.statement.replace(name, "\\what{}")
    yield (
        "latex/macro.tex",
        f"\\newcommand{{\\what}}{{{name}}}\n\\begin{{document}}{body}\\end{{document}}",
        [a],
    )


def _rst(bank: Bank) -> Iterator[tuple[str, str, list[Fact]]]:
    a, b, c = bank.take(), bank.take("note"), bank.take("unknown directive")
    yield (
        "rst/page.rst",
        f"Birds\n=====\n\n{a.statement}\n\n.. note::\n   {b.statement}\n\n.. exercise:: First\n   :class: x\n\n   {c.statement}\n",
        [a, b, c],
    )
    rows, facts = rows_of(bank, 3)
    lines = "\n".join("   * - " + "\n     - ".join(row) for row in [head(), *rows])
    yield "rst/table.rst", f"Table\n=====\n\n.. list-table::\n   :header-rows: 1\n\n{lines}\n", facts
    a, b = bank.take("footnote"), bank.take("definition")
    yield (
        "rst/notes.rst",
        f"Notes\n=====\n\nSee [1]_.\n\nterm\n   {b.statement}\n\n.. [1] {a.statement}\n",
        [a, b],
    )


def _org(bank: Bank) -> Iterator[tuple[str, str, list[Fact]]]:
    a, b = bank.take(), bank.take("list")
    rows, facts = rows_of(bank, 3)
    table = "\n".join(f"| {' | '.join(row)} |" for row in [head(), *rows])
    yield (
        "org/log.org",
        f"#+TITLE: Log\n* Birds\n:PROPERTIES:\n:ID: 1\n:END:\n{a.statement}\n- {b.statement}\n** TODO Table\n{table}\n",
        [a, b, *facts],
    )
    a = bank.take("example block")
    yield "org/block.org", f"* Block\n#+BEGIN_QUOTE\n{a.statement}\n#+END_QUOTE\n", [a]


def _asciidoc(bank: Bank) -> Iterator[tuple[str, str, list[Fact]]]:
    a, b, c = bank.take(), bank.take("note"), bank.take("sidebar")
    yield (
        "asciidoc/page.adoc",
        f"= Birds\nE. Owl\n\n{a.statement}\n\nNOTE: {b.statement}\n\n****\n{c.statement}\n****\n",
        [a, b, c],
    )
    rows, facts = rows_of(bank, 3)
    table = "\n".join("|" + " |".join(row) for row in [head(), *rows])
    yield "asciidoc/table.adoc", f"= Table\n\n|===\n{table}\n|===\n", facts


def _html(bank: Bank) -> Iterator[tuple[str, str, list[Fact]]]:
    a, b, c, d, e = (
        bank.take(),
        bank.take("aside"),
        bank.take("details"),
        bank.take("hidden tab"),
        bank.take("alt"),
    )
    yield (
        "html/page.html",
        f"<html><head><title>Birds</title></head><body><nav>menu</nav><main><h1>Birds</h1><p>{a.statement}</p><aside class='note'>{b.statement}</aside><details><summary>More</summary>{c.statement}</details><div role='tabpanel' hidden>{d.statement}</div><img src='x.png' alt='{e.statement}'></main></body></html>",
        [a, b, c, d, e],
    )
    rows, facts = rows_of(bank, 3)
    table = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    names = "".join(f"<th>{name}</th>" for name in head())
    yield (
        "html/table.html",
        f"<html><body><h1>Table</h1><table><thead><tr>{names}</tr></thead><tbody>{table}</tbody></table></body></html>",
        facts,
    )
    a, b = bank.take("definition"), bank.take("iso-8859-1")
    yield (
        "html/list.html",
        f"<html><body><dl><dt>term</dt><dd>{a.statement}</dd></dl><p>{b.statement}</p></body></html>",
        [a, b],
    )


def _spoken(bank: Bank) -> Iterator[tuple[str, str, list[Fact]]]:
    for name, sign, start in (("spoken/talk.srt", ",", ""), ("spoken/talk.vtt", ".", "WEBVTT\n\n")):
        facts = [bank.take("spoken") for _ in range(3)]
        cues = []
        for number, one in enumerate(facts):
            words = one.statement.split()
            half = len(words) // 2
            for part, text in enumerate((words[:half], words[half:])):
                at = 20 * number + 4 * part
                cues.append(
                    f"{len(cues) + 1}\n00:00:{at:02}{sign}000 --> 00:00:{at + 3:02}{sign}500\n{' '.join(text)}"
                )
        yield name, start + "\n\n".join(cues) + "\n", facts


def _mail(bank: Bank) -> Iterator[tuple[str, bytes, list[Fact]]]:
    a, b = bank.take(), bank.cell("attachment")
    message = EmailMessage()
    message["Subject"], message["From"], message["Date"] = (
        "Birds",
        "owl@example.org",
        "Fri, 01 May 2026 10:00:00 +0000",
    )
    message.set_content(f"Dear all,\n\n{a.statement}\n")
    message.add_attachment(
        f"bird,{b.measure}\n{b.subject},{b.value}\n".encode(),
        maintype="text",
        subtype="csv",
        filename="birds.csv",
    )
    yield "mail/plain.eml", message.as_bytes(), [a, b]
    a = bank.take("html mail")
    message = EmailMessage()
    message["Subject"], message["From"] = "Page", "owl@example.org"
    message.set_content(f"<p>{a.statement}</p>", subtype="html")
    yield "mail/html.eml", message.as_bytes(), [a]


def _notebooks(bank: Bank) -> Iterator[tuple[str, str, list[Fact]]]:
    a, b, c = bank.take(), bank.take("output"), bank.take("displayed Markdown")
    rows, facts = rows_of(bank, 2, "styled table")
    names = "".join(f"<th>{name}</th>" for name in head())
    table = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": [b.statement]},
        {"output_type": "display_data", "metadata": {}, "data": {"text/plain": "<IPython.core.display.Markdown object>", "text/markdown": c.statement}},
        {"output_type": "execute_result", "metadata": {}, "execution_count": 1, "data": {"text/plain": "<pandas.io.formats.style.Styler at 0x7f>", "text/html": f"<table><tr>{names}</tr>{table}</table>"}},
    ]  # fmt: skip
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": f"# Birds\n\n{a.statement}"},
        {"cell_type": "code", "metadata": {}, "source": "show()", "execution_count": 1, "outputs": outputs},
    ]
    yield (
        "notebook/lab.ipynb",
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}),
        [a, b, c, *facts],
    )
    a = bank.take("raw cell")
    yield (
        "notebook/raw.ipynb",
        json.dumps(
            {
                "nbformat": 4,
                "nbformat_minor": 5,
                "metadata": {},
                "cells": [{"cell_type": "raw", "metadata": {}, "source": a.statement}],
            }
        ),
        [a],
    )
