"""Words of other packages that the page shows in the reader's language.

They are listed here so that the catalogues have them; a test compares them with their sources.
"""

from __future__ import annotations

from ui.web.language import noted

SHARED_WORDS = (
    noted("quoted from"),
    noted("supported by"),
    noted("not found in the passages"),
    noted("likely"),
    noted("unsure"),
    noted("unlikely"),
    noted("Closest in your notes, not a direct answer"),
    noted("The model wrote this, and none of it is found in your notes:"),
)
