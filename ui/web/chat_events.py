"""The events of a conversation: from a click or a question to the next view.

No Gradio here: every method returns `View`s, which `ui.web.page` hands to the components. The state of a browser
tab (its session) is only the conversation that it shows. Answers under way belong to their conversation;
everything else is always read from disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from markupsafe import Markup

from eval.golden.feedback import Verdict
from rag.errors import LibraryDamaged
from ui.accounts.person import OWNER, Person
from ui.console import to_json
from ui.web.asking import Chain, answered, begin, begin_again, refusal
from ui.web.chat_view import View
from ui.web.conversation import Exchange, ExchangeOutcome, ended, new_id
from ui.web.desk import Desk
from ui.web.drawing import Drawing, under_way
from ui.web.list_events import ListEvents
from ui.web.logged_conversations import LoggedConversations
from ui.web.reading import Reading
from ui.web.running import RunningAnswer, RunningAnswers, State
from ui.web.scope_choice import toggled
from ui.web.tabs import Tabs
from ui.web.views.answer_view import exchange_html, transcript_html, waiting_words, welcome_html
from ui.web.views.notes_view import problem_html
from ui.web.views.sources_view import empty_html

if TYPE_CHECKING:
    from rag.search.scope import Scope


class ChatEvents:
    """The events of one person's chat, for every tab."""

    def __init__(self, desk: Desk, person: Person = OWNER) -> None:
        self._desk = desk
        self.conversations = LoggedConversations(desk, person)
        self._answers = RunningAnswers()
        self.reading, self._draw = Reading(desk), Drawing(desk)
        self.list = ListEvents(self.conversations)
        self._tabs = Tabs()

    def open(self, conversation: str, session: str, chosen: Sequence[str] | None = None) -> View:
        """Show a conversation; a new one if it is not there or cannot be read.

        The next question is about `chosen`, else about the same part as the last one: a follow-up stays there.
        """
        try:
            exchanges = self._exchanges(conversation)
        except LibraryDamaged as exc:
            fresh = self.open("", session, chosen)
            return replace(fresh, transcript=problem_html(str(exc)) + (fresh.transcript or Markup()))
        conversation = conversation if exchanges else new_id()
        last = exchanges[-1] if exchanges else None
        number = self._tabs.show(session, conversation, waiting=under_way(exchanges))
        about = tuple(chosen if chosen is not None else last.scope if last else ())
        return View(
            self._draw.transcript(conversation, exchanges),
            self._draw.sources(last),
            self.list.listed(conversation),
            conversation,
            scope=self._draw.scope(about),
            chosen=about,
            number=number,
        )

    def load(self, kept: str, session: str, chosen: Sequence[str] | None = None) -> View:
        """Show the conversation that a page kept, or the one opened meanwhile."""
        return self.open(self._tabs.shown(session) or kept, session, chosen)

    def busy(self, conversation: str) -> bool:
        """Return True if an answer is under way in the conversation."""
        return self._answers.of(conversation) is not None

    def takes(self, question: str, conversation: str) -> bool:
        """Return True if a question is asked now, neither during an answer nor too long."""
        return not (self.busy(conversation) or refusal(question, self._desk.settings.answer))

    def forget(self, doomed: str, conversation: str, session: str, chosen: Sequence[str] = ()) -> View:
        """Delete a conversation; if it was on the page, a new one takes its place.

        The list offers to undo it.
        """
        running = self._answers.of(doomed)
        if running is not None:
            running.stop.set()
        listed = self.list.forget(doomed, conversation)
        view = self.open("", session, chosen) if doomed == conversation else View()
        return replace(view, conversations=listed)

    def restore(self, deleted: str, session: str) -> View:
        """Bring a deleted conversation back and show it."""
        self.conversations.restore(deleted)
        return self.open(deleted, session)

    def limit(self, part: str, chosen: Sequence[str]) -> View:
        """Add a part of the notes to the next question's scope, or remove it.

        The choice stays open for another.
        """
        about = toggled(chosen, part)
        return View(scope=self._draw.scope(about, opened=True), chosen=about)

    def widen(self) -> View:
        """Let the next question be about all notes again."""
        return View(scope=self._draw.scope(()), chosen=())

    def ask(
        self, question: str, conversation: str, session: str, chosen: Sequence[str] = ()
    ) -> Iterator[View]:
        """Yield the views of one question as its answer comes.

        An empty question, or a second one at a time, shows nothing new. One that is too long is refused and
        not saved.
        """
        if not question.strip():
            return
        if not conversation:  # the page has not opened one yet
            conversation = new_id()
            yield View(conversation=conversation)
        if why := refusal(question, self._desk.settings.answer):
            number = self._tabs.number(session, conversation)
            transcript = self._draw.transcript(conversation, self._exchanges(conversation))
            yield View(transcript=transcript + problem_html(why), number=number)
            return
        yield from self._ask(begin(question, chosen), conversation, session)

    def follow(self, conversation: str, session: str) -> Iterator[View]:
        """Yield the views of an answer under way, asked elsewhere or before a reload.

        One that ended since the tab showed it as under way is shown as it is now.
        """
        running = self._answers.of(conversation)
        if running is not None:
            yield from self._followed(running, conversation, session)
        elif self._tabs.was_waiting(session, conversation):
            number = self._tabs.number(session, conversation)
            exchanges = self._exchanges(conversation)
            sources = self._draw.sources(exchanges[-1] if exchanges else None)
            yield View(self._draw.transcript(conversation, exchanges), sources, number=number)

    def retry(
        self,
        identity: str,
        conversation: str,
        session: str,
        chosen: Sequence[str] = (),
        exact: bool | None = None,
        question: str = "",
        everywhere: bool | None = None,
        wish: str = "",
    ) -> Iterator[View]:
        """Ask the last question of a conversation again, within the current scope.

        The new answer replaces the first. `exact` searches the question as typed, or no longer, and `everywhere`
        not only in the notes that it names; None keeps each as it was. `question` is the edited one, empty for the same; `wish`
        is one of the desk's.
        """
        exchanges = self._exchanges(conversation)
        if not exchanges or exchanges[-1].id != identity or self.busy(conversation):
            return
        again = begin_again(exchanges[-1], chosen, exact, question, everywhere, wish)
        yield from self._ask(again, conversation, session, instead_of=identity)

    def stop(self, session: str) -> None:
        """Stop the answer in the conversation that a tab shows, keeping it so far."""
        running = self._answers.of(self._tabs.shown(session))
        if running is not None:
            running.stop.set()

    def show(self, identity: str) -> View:
        """Return the sources of an earlier answer."""
        return View(sources=self._draw.sources(self.conversations.exchange(identity)))

    def read(self, identity: str, number: str, first: str, last: str) -> View:
        """Return a passage of an answer in its document.

        The numbers come from the page: of the passage, and of the parts to show, which may be empty.
        """
        exchange = self.conversations.exchange(identity)
        if exchange is None or not number.isdecimal():
            return View()
        bounds = (int(each) if each.isdecimal() and len(each) < 7 else None for each in (first, last))
        return View(sources=self.reading.view(exchange, int(number[:6]), *bounds) or None)

    def judge(self, identity: str, verdict: str, conversation: str, session: str = "") -> View:
        """Keep a person's verdict, in the conversation and the library's feedback."""
        exchange = self.conversations.exchange(identity)
        if exchange is None or exchange.answer is None or verdict not in set(Verdict):
            return View()
        judged = replace(exchange, verdict=Verdict(verdict))
        self._desk.library.add_feedback(exchange.question, to_json(exchange.answer), verdict, "")
        self.conversations.save(conversation, judged)
        return replace(self.refresh(conversation, session=session), scope=None)

    def refresh(self, conversation: str, chosen: Sequence[str] = (), session: str = "") -> View:
        """Show the conversation again after the notes changed.

        Its welcome has other questions, and other parts can be chosen. Nothing is shown in a tab that went on to another one.
        """
        number = self._tabs.number(session, conversation)
        if not number:
            return View()
        transcript = self._draw.transcript(conversation, self._exchanges(conversation))
        return View(transcript=transcript, scope=self._draw.scope(chosen), number=number)

    def adding(self, conversation: str, progress: Markup) -> View:
        """Show the progress of adding the example course where its button was."""
        welcome = welcome_html((), 0, progress=progress)
        return View(transcript=transcript_html(conversation, [], welcome))

    def _ask(
        self, exchange: Exchange, conversation: str, session: str, instead_of: str = ""
    ) -> Iterator[View]:
        earlier = [other for other in self._exchanges(conversation) if other.id != instead_of]
        exchange = replace(exchange, model=self._desk.model_name())

        def snapshots(running: RunningAnswer) -> Iterator[Exchange]:
            def chain(scope: Scope) -> Chain:
                return self._desk.chain(scope, running.stop, running.wait_at, exchange.wish)

            return answered(chain, exchange, earlier, running.stop, running.seen)

        def save(snapshot: Exchange) -> None:
            self.conversations.save(conversation, snapshot, instead_of)

        running = self._answers.start(conversation, exchange, snapshots, save)
        if running is not None:
            self._tabs.show(session, conversation)
            yield from self._followed(running, conversation, session)

    def _followed(self, running: RunningAnswer, conversation: str, session: str) -> Iterator[View]:
        """Yield the views of an answer until its end.

        They end too when the tab shows another conversation.
        """
        for view in self._views(running, conversation, session):
            if number := self._tabs.number(session, conversation):
                yield replace(view, number=number)

    def _views(self, running: RunningAnswer, conversation: str, session: str) -> Iterator[View]:
        exchange = running.state.exchange
        earlier = [other for other in self._exchanges(conversation) if other.id != exchange.id]
        drawn = [self._draw.drawn(other, last=False) for other in earlier]

        def transcript(state: State) -> Markup:
            pending = exchange_html(state.exchange, waiting=waiting_words(state.place, self._desk.ready))
            return transcript_html(conversation, [*drawn, pending], running=True)

        last = transcript(running.state)
        yield View(
            last,
            self._draw.sources(exchange) if exchange.hits else empty_html(),
            self.list.listed(conversation),
        )
        for state in running.values(lambda: self._tabs.shown(session) == conversation):
            found = state.exchange.hits is not exchange.hits
            exchange = state.exchange
            if exchange.outcome is ExchangeOutcome.PENDING:
                before, last = last, transcript(state)
                if found or last != before:
                    yield View(last, self._draw.sources(exchange) if found else None)
            if exchange.hits:
                running.seen.set()
        if exchange.outcome is not ExchangeOutcome.PENDING:
            yield View(
                transcript_html(conversation, [*drawn, self._draw.drawn(exchange)]),
                self._draw.sources(exchange),
                self.list.listed(conversation),
            )

    def _exchanges(self, conversation: str) -> list[Exchange]:
        """Return the exchanges: saved ones, and the one under way as it is now.

        One that a crash left unfinished counts as stopped.
        """
        running = self._answers.of(conversation)
        now = running.state.exchange if running else None
        saved = self.conversations.exchanges(conversation) if conversation else []
        return [now if now and each.id == now.id else ended(each) for each in saved]
