"""What happens in a conversation when somebody clicks or sends: from an event to what the page shows next.

No Gradio here: every method gives `View`s, which `ui.web.page` hands to the components. State is per browser tab (its
session) and holds nothing but the question that is running; conversations themselves are always read from disk.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from rag.errors import LibraryDamaged
from ui.console import to_json
from ui.web.answer_view import exchange_html, transcript_html, welcome_html
from ui.web.asking import answered, begin
from ui.web.conversation import Exchange, Outcome, Verdict, new_id
from ui.web.conversation_list import list_html
from ui.web.desk import Desk
from ui.web.notes_view import problem_html
from ui.web.scope_choice import choices, toggled
from ui.web.scope_view import scope_html
from ui.web.sources_view import EMPTY, sources_html


@dataclass(frozen=True, slots=True)
class View:
    """What to show next; None leaves a part as it is. `chosen` is what the tab's next question is limited to, `scope` shows it."""

    transcript: str | None = None
    sources: str | None = None
    conversations: str | None = None
    conversation: str | None = None
    running: bool | None = None
    scope: str | None = None
    chosen: tuple[str, ...] | None = None


@dataclass(slots=True)
class _Running:
    """A question on its way in one tab. `left` is set when the tab shows another conversation meanwhile."""

    stop: threading.Event = field(default_factory=threading.Event)
    left: bool = False


class ChatEvents:
    """The events of the chat, for every tab."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._running: dict[str, _Running] = {}
        self._lock = threading.Lock()

    def open(self, conversation: str, session: str, chosen: Sequence[str] | None = None) -> View:
        """Shows a conversation; a new one for an empty or unknown name, or where it cannot be read (which is told).

        Its next question is about `chosen` if that is given, else about what its last one was about: a follow-up stays there.
        """
        self._leave(session)
        try:
            exchanges = self._exchanges(conversation)
        except LibraryDamaged as exc:
            fresh = self.open("", session)
            return replace(fresh, transcript=problem_html(str(exc)) + (fresh.transcript or ""))
        conversation = conversation if exchanges else new_id()
        last = exchanges[-1] if exchanges else None
        about = tuple(chosen if chosen is not None else last.scope if last else ())
        return View(
            self._transcript(conversation, exchanges),
            self._sources(last),
            self._list(conversation),
            conversation,
            running=False,
            scope=self._scope(about),
            chosen=about,
        )

    def forget(self, doomed: str, conversation: str, session: str) -> View:
        """Deletes a conversation; if it was the one on the page, a new one takes its place."""
        self._desk.conversations.forget(doomed)
        return (
            self.open("", session) if doomed == conversation else View(conversations=self._list(conversation))
        )

    def limit(self, part: str, chosen: Sequence[str]) -> View:
        """Adds a part of the notes to what the next question is about, or takes it back; the choice stays open for another."""
        about = toggled(chosen, part)
        return View(scope=self._scope(about, opened=True), chosen=about)

    def widen(self) -> View:
        """Lets the next question be about all notes again."""
        return View(scope=self._scope(()), chosen=())

    def ask(
        self, question: str, conversation: str, session: str, chosen: Sequence[str] = ()
    ) -> Iterator[View]:
        """The views of one question as its answer comes. An empty question, or a second one at a time, shows nothing new."""
        running = self._begin(session) if question.strip() else None
        if running is None:
            return
        try:
            earlier = self._exchanges(conversation)
            yield from self._ask(begin(question, chosen), conversation, earlier, running)
        finally:
            self._end(session, running)

    def retry(
        self, identity: str, conversation: str, session: str, chosen: Sequence[str] = ()
    ) -> Iterator[View]:
        """The last question of a conversation asked again about what is chosen now, in the place of its first answer."""
        exchanges = self._exchanges(conversation)
        if not exchanges or exchanges[-1].id != identity:
            return
        running = self._begin(session)
        if running is None:
            return
        try:
            self._desk.conversations.forget_exchange(identity)
            again = begin(exchanges[-1].question, chosen)
            yield from self._ask(again, conversation, exchanges[:-1], running)
        finally:
            self._end(session, running)

    def stop(self, session: str) -> None:
        """Ends the running question of a tab with what there is of its answer."""
        running = self._running.get(session)
        if running is not None:
            running.stop.set()

    def show(self, identity: str) -> View:
        """The sources of an earlier answer."""
        return View(sources=self._sources(self._desk.conversations.exchange(identity)))

    def judge(self, identity: str, verdict: str, conversation: str) -> View:
        """Keeps what a person says about an answer, in the conversation and in the library's feedback."""
        exchange = self._desk.conversations.exchange(identity)
        if exchange is None or exchange.answer is None or verdict not in set(Verdict):
            return View()
        judged = replace(exchange, verdict=Verdict(verdict))
        self._desk.library.add_feedback(exchange.question, to_json(exchange.answer), verdict, "")
        self._desk.conversations.save(conversation, judged)
        return View(transcript=self._transcript(conversation, self._exchanges(conversation)))

    def refresh(self, conversation: str, chosen: Sequence[str] = ()) -> View:
        """The conversation again, after the notes changed: its welcome has other questions, and other parts can be chosen."""
        transcript = self._transcript(conversation, self._exchanges(conversation))
        return View(transcript=transcript, scope=self._scope(chosen))

    # ---- inside ---------------------------------------------------------------------------------------------------

    def _ask(
        self, exchange: Exchange, conversation: str, earlier: Sequence[Exchange], running: _Running
    ) -> Iterator[View]:
        drawn = [exchange_html(other, last=False) for other in earlier]
        self._desk.conversations.save(conversation, exchange)
        waiting = "" if self._desk.ready else "The language model is still loading; your question is next."
        yield View(
            transcript_html(conversation, [*drawn, exchange_html(exchange, waiting=waiting)]),
            EMPTY,
            self._list(conversation),
            conversation,
            running=True,
        )
        try:
            for snapshot in answered(self._desk.chain, exchange, earlier, running.stop):
                retrieved = snapshot.hits is not exchange.hits or snapshot.outcome is not Outcome.PENDING
                exchange = snapshot
                if exchange.outcome is Outcome.PENDING and not running.left:
                    sources = self._sources(exchange) if retrieved else None
                    yield View(transcript_html(conversation, [*drawn, exchange_html(exchange)]), sources)
        finally:
            if exchange.outcome is Outcome.PENDING:
                exchange = replace(exchange, outcome=Outcome.STOPPED)
            self._desk.conversations.save(conversation, exchange)
        if running.left:
            return
        yield View(
            transcript_html(conversation, [*drawn, exchange_html(exchange)]),
            self._sources(exchange),
            self._list(conversation),
            running=False,
        )

    def _begin(self, session: str) -> _Running | None:
        with self._lock:
            if session in self._running:
                return None
            self._running[session] = _Running()
            return self._running[session]

    def _end(self, session: str, running: _Running) -> None:
        running.stop.set()
        with self._lock:
            if self._running.get(session) is running:
                del self._running[session]

    def _leave(self, session: str) -> None:
        with self._lock:
            running = self._running.pop(session, None)
        if running is not None:
            running.left = True
            running.stop.set()

    def _exchanges(self, conversation: str) -> list[Exchange]:
        """The saved exchanges; one that a crash left without an end counts as stopped."""
        saved = self._desk.conversations.exchanges(conversation) if conversation else []
        return [replace(e, outcome=Outcome.STOPPED) if e.outcome is Outcome.PENDING else e for e in saved]

    def _transcript(self, conversation: str, exchanges: Sequence[Exchange]) -> str:
        drawn = [exchange_html(exchange, last=exchange is exchanges[-1]) for exchange in exchanges]
        return transcript_html(conversation, drawn, "" if drawn else self._welcome())

    def _welcome(self) -> str:
        documents = len(self._desk.library.documents())
        return welcome_html("your notes", self._desk.questions() if documents else (), documents)

    def _sources(self, exchange: Exchange | None) -> str:
        return sources_html(exchange, self._desk.layouts(exchange.hits) if exchange else None)

    def _scope(self, chosen: Sequence[str], opened: bool = False) -> str:
        return scope_html(choices(self._desk.library.documents(), chosen), opened)

    def _list(self, conversation: str) -> str:
        return list_html(self._desk.conversations.conversations(), conversation)
