"""The messages of the web app, and its catalogues brought up to date: `make catalogue`.

A catalogue keeps its translations, gets the new messages without one, and loses those that nothing uses. It has no dates,
so that two branches with different messages merge.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import chain

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from ui.web.language import LANGUAGES, LOCALES

KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "noted": None, "marked": None}
"""The functions whose arguments are messages, with the places of the forms of one."""
FOLDERS = (LOCALES.parent, LOCALES.parents[1] / "teacher")
"""The folders with messages."""
OTHERS = sorted(set(LANGUAGES) - {"en"})
_HEADERS = ("Language: ", "Plural-Forms", "MIME-Version", "Content-Type", "Content-Transfer-Encoding")


def messages() -> dict[str, tuple[str, ...]]:
    """Return the messages of the web app by their first form, each with its forms."""
    methods = [("**.py", "python"), ("**.html.j2", "jinja2")]
    options = {"**.html.j2": {"extensions": "ui.web.views.render.JoinedLines", "silent": "false"}}
    found = chain.from_iterable(
        extract_from_dir(folder, methods, options, keywords=KEYWORDS) for folder in FOLDERS
    )
    forms = ((message,) if isinstance(message, str) else tuple(message) for _, _, message, *_ in found)
    return {each[0]: each for each in forms}


def catalogue(language: str) -> Catalog:
    """Return the catalogue of a language, empty for a new one."""
    path = LOCALES / f"{language}.po"
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def update(language: str, wanted: Iterable[tuple[str, ...]]) -> list[str]:
    """Bring the catalogue of a language up to date; return the messages without a translation."""
    kept = catalogue(language)
    new = Catalog(locale=language, charset="utf-8", fuzzy=False)
    new.header_comment = f"# The words of the web app in {new.locale.english_name}."
    without = []
    for forms in wanted:
        identity = forms if len(forms) > 1 else forms[0]
        before = kept.get(identity)
        new.add(identity, before.string if before else None)
        if before is None or not before.string or not all(before.string):
            without.append(forms[0])
    path = LOCALES / f"{language}.po"
    with path.open("wb") as file:
        write_po(file, new, width=0, sort_output=True)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    header = [line for line in lines if line.startswith('"') and ": " in line and "\\n" in line]
    dropped = {line for line in header if not line[1:].startswith(_HEADERS)}
    path.write_text("".join(line for line in lines if line not in dropped), encoding="utf-8")
    return without


if __name__ == "__main__":
    for name in OTHERS:
        for message in update(name, messages().values()):
            sys.stdout.write(f"{LOCALES / name}.po: {message}\n")
