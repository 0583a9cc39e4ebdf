"""English stop words: a short list for search, a longer one for content words.

Both were written for this project; neither is a published list. They are two because their costs differ. A
word that search drops can no longer find anything, so its list has only words without a meaning of their own.
A word that counts as content must be in a passage for a sentence to be supported by it, so the longer list
also has words such as "explain", "used" and "difference". Merging them would change which passages a search
finds.
"""

from __future__ import annotations

SEARCH_STOP_WORDS = frozenset(
    """
    a about an and are as at be been being but by can could did do does for from had has have how i
    if in into is it its me my no not of on or our should so some such than that the their them then
    there these they this those to was we were what when where which while who whom whose why will
    with within would you your
    """.split()
)
"""Words of a question that the lexical search does not look up."""

STOP_WORDS = SEARCH_STOP_WORDS | frozenset(
    """
    above according after again against all also am any because before below between both called
    define definition describe difference doing down during each either else ever explain few
    further get give given happen happens having he her here hers him his however itself just kind
    kinds let like made make many may mean means might more most much must nor note notes off once
    one only other out over own per please said same say says she tell theirs through too type under
    until up upon us use used uses using very without work works yes yet
    """.split()
)
"""Words that say how something is asked, not what about; no content words."""
