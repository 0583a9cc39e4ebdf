"""Completion of a follow-up to a stand-alone question: one that can be searched.

Rules decide whether a question needs the conversation (`leans_on_history`). If so, a model that follows
instructions rewrites it with one short call. Without such a model (a small one would invent), a rule puts the
topic of the conversation in place of the pronoun, or after the question. The question as asked is always
searched too, so a wrong completion costs little.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.answer.found import Model
from rag.answer.matching import asked_stems
from rag.answer.messages import to_messages
from rag.answer.texts import REFUSALS
from rag.prompt import PromptStyle, without_citations
from rag.settings import AnswerSettings
from rag.text.stop_words import STOP_WORDS
from rag.text.words import content_words, tokens
from rag.types import Omission, OmissionCode, Role, Turn

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig


MAX_TOPIC_WORDS = 6
"""Most words of the topic that a rule adds to a question. Chosen, not measured."""

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
_SECOND_QUESTION = re.compile(
    r"[;?]\s+|\b(?:and|or|but)\s+(?=(?:what|why|how|when|where|who|which|should|can|could|does|do|is|are)\b)",
    re.IGNORECASE,
)
"""The start of another question in one message."""
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


@dataclass(frozen=True, slots=True)
class Condensed:
    """A stand-alone question with the messages of the conversation that are used.

    `history` is oldest first. `omissions` are the messages that were cut, by the setting or by the model's
    context.
    """

    question: str
    history: tuple[Turn, ...]
    omissions: tuple[Omission, ...] = ()


class Condenser:
    """The completion of follow-ups, by a model that follows instructions or by rule.

    A `model` of the reader style is not used: only the rule runs then, as without a model.
    """

    def __init__(self, model: Model | None, settings: AnswerSettings) -> None:
        self._model = model if model is not None and model.prompt_style is PromptStyle.INSTRUCT else None
        self._settings = settings

    def condense(self, question: str, history: Sequence[Turn], config: RunnableConfig | None) -> Condensed:
        """Return the stand-alone question with the latest messages of the conversation."""
        leans = leans_on_history(question, history)
        kept, omissions = self._latest(history, used=leans or self._model is not None)
        if not leans_on_history(question, kept):
            return Condensed(question, kept, omissions)
        if self._model is None:
            return Condensed(merge(question, kept), kept, omissions)
        rewritten, cut = self._rewritten(self._model, question, kept, config)
        return Condensed(rewritten, kept, (*omissions, *cut))

    def _latest(self, history: Sequence[Turn], used: bool) -> tuple[tuple[Turn, ...], tuple[Omission, ...]]:
        """Return the latest messages, and what was cut if the history is `used` at all."""
        turns = self._settings.history_turns
        cut = max(0, len(history) - 2 * turns)
        omission = Omission(OmissionCode.HISTORY_OVER_SETTING, cut, len(history), turns)
        return tuple(history[cut:]), (omission,) if cut and used else ()

    def _rewritten(
        self, model: Model, question: str, history: Sequence[Turn], config: RunnableConfig | None
    ) -> tuple[str, tuple[Omission, ...]]:
        """Return the model's completion, checked, and the messages that did not fit."""
        limit = model.context_tokens - model.max_answer_tokens
        kept = latest_that_fit(question, history, model.count_tokens, limit)
        cut = len(history) - len(kept)
        omissions = (Omission(OmissionCode.HISTORY_OVER_REWRITE, cut, len(history)),) if cut else ()
        if not kept:
            return merge(question, history), omissions
        reply = model.invoke(to_messages(rewrite_turns(question, kept)), config).text
        return accept_rewrite(reply, question, history), omissions


def leans_on_history(question: str, history: Sequence[Turn]) -> bool:
    """Return whether `question` needs the conversation to be searched.

    It does where it has a pronoun whose referent may be in an earlier message ("How does it work?"), opens
    like a follow-up ("And ...", "What about ...") and is short, or has at most two words. Without a message
    of the student before it, it does not.
    """
    if not any(turn.role is Role.USER for turn in history):
        return False
    meaningful = content_words(question)
    if not meaningful or len(tokens(question)) <= 2:
        return True
    bare = _NOT_ANAPHOR.sub(" ", _before_second(question))
    return bool(_ANAPHOR.search(bare) or _DETERMINER.search(bare)) or (
        bool(_OPENER.match(question.strip())) and len(meaningful) <= 4
    )


def _before_second(question: str) -> str:
    """Return the first of two questions where it names what the second means.

    "What is hybrid search and why use it" does not need the conversation.
    """
    first = _SECOND_QUESTION.split(question, maxsplit=1)[0]
    return first if first != question and content_words(first) and not _ANAPHOR.search(first) else question


def merge(question: str, history: Sequence[Turn]) -> str:
    """Return the stand-alone form of `question` by rule.

    The conversation's topic replaces the first pronoun, or follows the question in parentheses where it has
    none. A question that does not need the history, or has the topic already, is returned unchanged.
    """
    if not leans_on_history(question, history):
        return question
    match = _pronoun(question)
    subject = topic(history, match is not None and match.group().lower() in _PERSONAL)
    return with_subject(question, subject)


def _pronoun(question: str) -> re.Match[str] | None:
    return _ANAPHOR.search(_NOT_ANAPHOR.sub(lambda m: "\0" * len(m.group()), question))


def with_subject(question: str, subject: str) -> str:
    """Return the question with the subject for its first pronoun, or after it."""
    match = _pronoun(question)
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


def topic(history: Sequence[Turn], personal: bool = False) -> str:
    """Return the phrase that the conversation is about; empty where there is none.

    It is the main phrase of the last question that is no follow-up itself. A very short answer that has a
    name is a new topic ("Who proposed it?" "Stephen Robertson."). For a `personal` pronoun (he, her) it is
    the most frequent name of the conversation.
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
    """Return the messages of the prompt by which a model completes a follow-up."""
    said = "\n".join(f"{turn.role.value}: {without_citations(turn.content)}" for turn in history)
    return (
        Turn(Role.SYSTEM, REWRITE_INSTRUCTION),
        Turn(Role.USER, f"Conversation:\n{said}\n\nLast question: {question}"),
    )


def latest_that_fit(
    question: str, history: Sequence[Turn], count: Callable[[Sequence[Turn]], int], limit_tokens: int
) -> Sequence[Turn]:
    """Return the latest messages with which the prompt to complete a question fits.

    The prompt (`rewrite_turns`) may have `limit_tokens`; `count` returns its tokens. Empty where not even one
    message fits.
    """
    kept = history
    while kept and count(rewrite_turns(question, kept)) > limit_tokens:
        kept = kept[1:]
    return kept


def accept_rewrite(rewritten: str, question: str, history: Sequence[Turn]) -> str:
    """Return a model's completion, its first line, or the rule's where it is none.

    A completion is not much longer than the question (200 characters more than twice its length), and four of
    five of its content words are in the conversation or the question. Both limits are chosen, not measured.
    """
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
    """Return the phrase of a question with the most content words, the last of equals.

    Phrases end at punctuation, at stop words and at words that only ask ("example", "information"). The verb of a
    request ("list the deadlines") is left out.
    """
    first, _, rest = question.strip().partition(" ")
    question = rest if rest and not asked_stems(first) else question
    phrases = (_EDGE_WORDS.sub("", " ".join(piece.split())) for piece in _PHRASE_BREAK.split(question))
    candidates = [phrase for phrase in phrases if content_words(phrase)]
    best = max(reversed(candidates), key=lambda phrase: len(content_words(phrase)), default="")
    return " ".join(best.split()[:MAX_TOPIC_WORDS])


def _confirmed(phrase: str, reply: Sequence[Turn]) -> str:
    """Return the phrase up to its last word that the answer repeats; else the whole.

    The topic is named by both the question and its answer. A verb after it is not: of "the final exam
    scheduled" the answer "The final exam is on Monday" repeats all but the verb.
    """
    said = {word for turn in reply for word in content_words(turn.content)}
    words = phrase.split()
    taken = [i for i, word in enumerate(words) if set(content_words(word)) & said]
    return " ".join(words[: taken[-1] + 1]) if taken else phrase


def _names(text: str, sentence_start: bool = False) -> list[str]:
    """Return the capitalised phrases and identifiers of `text`, in order.

    A plain capitalised word that opens a sentence is one only with `sentence_start`.
    """
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
    says_little = not content_words(answer.lower().replace("know", "").replace("don't", ""))
    return says_little or any(refusal in answer for refusal in REFUSALS)
