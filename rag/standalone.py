"""How a follow-up becomes a question that can be searched alone.

A deterministic trigger decides whether a question leans on the conversation. A model that follows instructions rewrites
it with one short call; for a small reader, which would invent, a rule puts the topic of the conversation in place of the
pronoun, or after the question. The raw question is always searched too, so a wrong rewrite costs little.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from rag.prompt import ABSTENTION, without_citations
from rag.types import Role, Turn
from rag.words import STOP_WORDS, content_words, tokens

MAX_TOPIC_WORDS = 6
ANSWER_WORDS = 60
"""Words of the last answer that go into the search of a follow-up."""

_SUBJECT = (
    r"\b(it|they|them|he|him|she|both|ones|the (?:former|latter|first one|second one|other one)"
    r"|(?:this|that|these|those)(?! \w)|(?:this|that|these|those)(?= (?:in|on|at|for|with|by|to|and|or|work|differ|help|happen)\b))\b"
)
_DETERMINER = re.compile(r"\b(?:this|that|these|those|such)\b", re.IGNORECASE)
_POSSESSIVE = r"\b(its|their|his|her)\b"
_ANAPHOR = re.compile(f"{_SUBJECT}|{_POSSESSIVE}", re.IGNORECASE)
_OPENER = re.compile(
    r"^(and|but|so|or|then|also|what about|how about|why|how so|such as|like what)\b", re.IGNORECASE
)
_NOT_ANAPHOR = re.compile(
    r"\bthat (?:is|are|was|were|can|could|will|would|has|have|the|a|an|each|every|use|uses|make|makes)\b"
    r"|\b(?:it|this|that) (?:possible|important|true|necessary)\b|\bthis (?:course|class|lecture|module|semester|week)\b"
    r"|\b(?:is|was|does|did|would|will|can) it (?:take|mean|cost|matter)\b|\bno one\b|\bthe (?:first|second|other) \w+",
    re.IGNORECASE,
)
_PERSONAL = frozenset(("he", "him", "she", "his", "her"))
_ASKING = "thing things example examples way ways information interesting article aspects important happened happen know tell talk question"
_INSIDE = {"of", "the", "in", "for", "and", "or"}
_BREAKS = "|".join(sorted((STOP_WORDS | set(_ASKING.split())) - _INSIDE))
_PHRASE_BREAK = re.compile(rf"[,;:?!()]|\.(?:\s|$)|\b(?:{_BREAKS})\b", re.IGNORECASE)
_EDGE_WORDS = re.compile(
    r"^(?:(?:of|the|in|for|and|or)\s+)+|(?:\s*\b(?:of|the|in|for|and|or))+$", re.IGNORECASE
)
_NAME = re.compile(r"[A-Z][\w+#-]*(?:\s+(?:of\s+(?:the\s+)?)?[A-Z][\w+#-]*)*")

REWRITE_INSTRUCTION = (
    "Rewrite the last question so that it can be understood without the conversation. Name what its pronouns mean. "
    "Reply with the question only."
)


def leans_on_history(question: str, history: Sequence[Turn]) -> bool:
    """Whether `question` cannot be searched alone: it has a pronoun without a referent, an opener, or hardly a word."""
    if not any(turn.role is Role.USER for turn in history):
        return False
    meaningful = content_words(question)
    if not meaningful or len(tokens(question)) <= 2:
        return True
    bare = _NOT_ANAPHOR.sub(" ", question)
    return bool(_ANAPHOR.search(bare) or _DETERMINER.search(bare)) or (
        bool(_OPENER.match(question.strip())) and len(meaningful) <= 4
    )


def merge(question: str, history: Sequence[Turn]) -> str:
    """The stand-alone form of `question` by rule: the conversation's topic replaces its first pronoun or follows it.

    A question that does not lean on the history comes back as it is.
    """
    if not leans_on_history(question, history):
        return question
    match = _ANAPHOR.search(_NOT_ANAPHOR.sub(lambda m: "\0" * len(m.group()), question))
    subject = topic(history, match is not None and match.group().lower() in _PERSONAL)
    if not subject or set(content_words(subject)) <= set(content_words(question)):
        return question
    if match is None:
        return (
            f"{question.rstrip(' ?')} ({subject})?"
            if question.rstrip().endswith("?")
            else f"{question} ({subject})"
        )
    owner = (
        f"{subject}'s"
        if match.group(2) and not subject.endswith("s")
        else f"{subject}'"
        if match.group(2)
        else subject
    )
    return question[: match.start()] + owner + question[match.end() :]


def with_last_answer(question: str, history: Sequence[Turn]) -> str:
    """The question followed by the start of the last answer: a follow-up's passage often stands beside the one cited."""
    said = [
        turn.content for turn in history if turn.role is Role.ASSISTANT and not _says_nothing(turn.content)
    ]
    words = without_citations(said[-1]).split() if said else []
    return " ".join([question, *words[:ANSWER_WORDS]])


def topic(history: Sequence[Turn], personal: bool = False) -> str:
    """The phrase that the conversation is about.

    It is what the last question names, followed back through questions that are follow-ups themselves. A very short
    answer that is a name is itself the topic ("Who proposed it?" "Stephen Robertson."); for a `personal` pronoun it is
    the name that the conversation says most often.
    """
    if personal and (name := _most_frequent_name(history)):
        return name
    subject = ""
    for position, turn in enumerate(history):
        if turn.role is Role.USER:
            phrase = _confirmed(_main_phrase(turn.content), history[position + 1 : position + 2])
            follows = bool(subject) and leans_on_history(turn.content, history[:position])
            subject = subject if follows else phrase or subject
        elif turn.role is Role.ASSISTANT and len(tokens(turn.content)) <= 5:
            names = _names(without_citations(turn.content), sentence_start=True)
            subject = names[0] if names and not _says_nothing(turn.content) else subject
    return subject


def rewrite_turns(question: str, history: Sequence[Turn]) -> tuple[Turn, ...]:
    """The messages of the one short model call that rewrites a follow-up."""
    said = "\n".join(f"{turn.role.value}: {without_citations(turn.content)}" for turn in history)
    return (
        Turn(Role.SYSTEM, REWRITE_INSTRUCTION),
        Turn(Role.USER, f"Conversation:\n{said}\n\nLast question: {question}"),
    )


def latest_that_fit(
    question: str, history: Sequence[Turn], count: Callable[[Sequence[Turn]], int], limit_tokens: int
) -> Sequence[Turn]:
    """The latest turns with which the call that rewrites `question` has at most so many tokens; empty where not even one fits."""
    kept = history
    while kept and count(rewrite_turns(question, kept)) > limit_tokens:
        kept = kept[1:]
    return kept


def accept_rewrite(rewritten: str, question: str, history: Sequence[Turn]) -> str:
    """A model's rewrite if it can be one, else the rule's: it must be short, one line, and made of the conversation."""
    line = rewritten.strip().splitlines()[0].strip().strip('"') if rewritten.strip() else ""
    known = {word for text in (question, *(turn.content for turn in history)) for word in content_words(text)}
    words = content_words(line)
    if (
        not words
        or len(line) > 2 * len(question) + 200
        or sum(word in known for word in words) < 0.8 * len(words)
    ):
        return merge(question, history)
    return line


def _main_phrase(question: str) -> str:
    """The run of words with most content, not counting how something is asked; the later one wins a tie."""
    phrases = (_EDGE_WORDS.sub("", " ".join(piece.split())) for piece in _PHRASE_BREAK.split(question))
    candidates = [phrase for phrase in phrases if content_words(phrase)]
    best = max(reversed(candidates), key=lambda phrase: len(content_words(phrase)), default="")
    return " ".join(best.split()[:MAX_TOPIC_WORDS])


def _confirmed(phrase: str, reply: Sequence[Turn]) -> str:
    """The phrase without the words at its end that the reply does not take up; whole if it takes up none.

    What a question and its answer both name is the topic; the verb between ("held" in "the final exam held") is not.
    """
    said = {word for turn in reply for word in content_words(turn.content)}
    words = phrase.split()
    taken = [i for i, word in enumerate(words) if set(content_words(word)) & said]
    return " ".join(words[: taken[-1] + 1]) if taken else phrase


def _names(text: str, sentence_start: bool = False) -> list[str]:
    """Capitalised phrases and identifiers of `text`; a plain capitalised word that opens a sentence only if asked."""
    found = []
    for match in _NAME.finditer(text):
        opens = not text[: match.start()].rstrip() or text[: match.start()].rstrip()[-1] in ".?!:\n"
        plain = match.group().isalpha() and match.group()[1:].islower()
        if match.group().lower() not in STOP_WORDS and (sentence_start or not (opens and plain)):
            found.append(match.group())
    return found


def _most_frequent_name(history: Sequence[Turn]) -> str:
    names = [name for turn in history if not _says_nothing(turn.content) for name in _names(turn.content)]
    return max(names, key=lambda name: (names.count(name), len(name)), default="")


def _says_nothing(answer: str) -> bool:
    return not content_words(answer.lower().replace("know", "").replace("don't", "")) or ABSTENTION in answer
