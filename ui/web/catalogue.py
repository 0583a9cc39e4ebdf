"""The catalogue of a language, read from its file in GNU gettext's form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from gettext import NullTranslations, c2py
from pathlib import Path

_FIELDS = ("msgid", "msgstr")  # and `msgid_plural`, `msgstr[0]`


class Catalogue(NullTranslations):
    """The messages of a `.po` file; a message without a translation stays as it is.

    The standard library reads only compiled catalogues, and Babel, which compiles them, takes 34 MB of disk.
    Source: GNU gettext manual, "The Format of PO Files".
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        entries = list(_entries(path.read_text(encoding="utf-8")))
        self._forms = {entry["msgid"]: _forms(entry) for entry in entries if entry["msgid"]}
        header = next(entry["msgstr"] for entry in entries if not entry["msgid"])
        fields = dict(line.partition(": ")[::2] for line in header.splitlines())
        self._form_of = c2py(fields["Plural-Forms"].partition("plural=")[2].partition(";")[0])

    def gettext(self, message: str) -> str:
        """Return the translation of a message."""
        return self._forms.get(message, [message])[0] or message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Return the translation of a message in its form for the number `n`."""
        if forms := self._forms.get(msgid1):
            return forms[self._form_of(n)] or (msgid1 if n == 1 else msgid2)
        return msgid1 if n == 1 else msgid2


def _forms(entry: dict[str, str]) -> list[str]:
    """Return the translations of an entry, one for each form of the number."""
    return [text for field, text in entry.items() if field.startswith("msgstr")]


def _entries(text: str) -> Iterator[dict[str, str]]:
    """Yield the fields of each entry that is neither fuzzy nor obsolete."""
    for block in text.split("\n\n"):
        lines = block.splitlines()
        if any(line.startswith("#,") and "fuzzy" in line for line in lines):
            continue
        entry: dict[str, str] = {}
        field = ""
        for line in lines:
            if line.startswith(_FIELDS):
                field = line.partition(" ")[0]
            if field and not line.startswith("#"):
                quoted = line[line.index('"') :]
                entry[field] = entry.get(field, "") + json.loads(quoted)  # JSON has the escapes that are used
        if "msgid" in entry:
            yield entry
