"""The chat as Gradio components.

They are the conversations, the open one with its composer, and the sources beside it. Everything shown
comes from `ChatEvents`; here its views are handed to components.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
from gradio.blocks import Block  # Gradio resolves the handlers' annotations when the page is built

from ui.web.chat_events import ChatEvents
from ui.web.chat_view import View
from ui.web.components import (
    EACH,
    QUIET,
    data,
    errors_shown,
    errors_shown_while,
    forwarding,
    html,
    session,
)
from ui.web.language import marked
from ui.web.scope_choice import from_browser
from ui.web.tabs import NEWEST, next_number, numbered

_MOST_QUESTION_CHARS = 100_000


_KEPT = (
    "() => [new URLSearchParams(location.hash.slice(1)).get('conversation') ??"
    " sessionStorage.getItem('lectern-conversation:' + location.pathname) ?? '', sessionStorage.getItem('lectern-scope:' + location.pathname) ?? '']"
)
"""Script that returns the conversation of the address or tab, and the tab's scope."""
_SEARCH, _SEARCH_NAME = marked("Search…"), marked("Search the conversations")
_FINDER = f'<input type="search" placeholder="{_SEARCH}" aria-label="{_SEARCH_NAME}">'
_FINDING = (
    "const box = element.querySelector('input'); let timer;"
    " const find = () => trigger('search', { words: box.value });"
    " box.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(find, 250); });"
)


class ChatPart:
    """The conversations, the open one with its composer, and the sources."""

    def __init__(self, events: Callable[[gr.Request], ChatEvents]) -> None:
        self._events = events
        self.conversation = gr.State("")
        self.chosen = gr.State(())
        with gr.Row(elem_id="desk"):
            with gr.Column(elem_id="rail"):
                self.new = gr.Button(marked("New conversation"), elem_id="new", size="sm")
                self.finder = html(_FINDER, elem_id="finder", js_on_load=_FINDING)
                self.conversations = _part("conversations", forwarding("open", "forget", "restore", "rename"))
            with gr.Column(elem_id="chat"):
                with gr.Column(elem_id="chat-scroll"):
                    self.transcript = _part(
                        "transcript", forwarding("ask", "retry", "show", "judge", "example")
                    )
                with gr.Row(elem_id="composer"):
                    self.scope = _part("scope", forwarding("limit", "widen"), elem_id="scope")
                    self.question = gr.Textbox(
                        elem_id="question",
                        label=marked("Question"),
                        show_label=False,
                        placeholder=marked("Ask your notes…"),
                        lines=1,
                        max_lines=6,
                        max_length=_MOST_QUESTION_CHARS,
                        container=False,
                        autofocus=True,
                        scale=1,
                    )
                    self.send = gr.Button(
                        marked("Ask"), elem_id="send", variant="primary", scale=0, min_width=84
                    )
                    self.stop = gr.Button(
                        marked("Stop"), elem_id="stop", variant="stop", scale=0, min_width=84
                    )
            with gr.Column(elem_id="sources"):
                self.sources = _part("sources", forwarding("read", "show"))
        self.outputs: list[Block] = [
            self.transcript, self.sources, self.conversations, self.conversation, self.scope, self.chosen
        ]  # fmt: skip

    @property
    def place(self) -> list[Block]:
        """The conversation and the part of the notes that a question is about."""
        return [self.conversation, self.chosen]

    def of(self, request: gr.Request) -> ChatEvents:
        """Return the events of the person and course behind a request."""
        return self._events(request)

    def wire(self, page: gr.Blocks) -> None:
        """Connect the events."""
        asking: dict[str, Any] = {
            "outputs": self.outputs,
            "concurrency_limit": None,  # `Turns` has the line, in which everyone sees their place
            **QUIET,
        }
        gr.on(
            [self.question.submit, self.send.click],
            self._ask_typed,
            inputs=[self.question, *self.place],
            **(asking | {"outputs": [*self.outputs, self.question]}),
        )
        again: dict[str, Any] = asking | EACH  # the events refuse a second answer themselves
        self.transcript.ask(self._ask_example, inputs=self.place, **again)
        self.transcript.retry(self._retry, inputs=self.place, **again)
        self.transcript.show(self._show, outputs=self.sources, queue=False, **EACH)
        self.sources.show(self._show, outputs=self.sources, queue=False, **EACH)
        self.sources.read(self._read, outputs=self.sources, queue=False, **EACH)
        self.transcript.judge(
            self._judge, inputs=self.conversation, outputs=self.transcript, queue=False, **EACH
        )
        scope: dict[str, Any] = {"outputs": [self.scope, self.chosen], "queue": False, **EACH}
        self.scope.limit(self._limit, inputs=self.chosen, **scope)
        self.scope.widen(self._widen, **scope)
        self.stop.click(self._stop, queue=False, **EACH)
        self.new.click(self._new, inputs=self.chosen, outputs=self.outputs, queue=False, **EACH)
        opened = self.conversations.open(self._open, outputs=self.outputs, queue=False, **EACH)
        self.conversations.restore(self._restore, outputs=self.outputs, queue=False, **EACH)
        listed: dict[str, Any] = {
            "inputs": self.conversation,
            "outputs": self.conversations,
            "queue": False,
            **EACH,
        }
        self.conversations.rename(self._rename, **listed)
        self.finder.search(self._search, **listed)
        self.conversations.forget(self._forget, inputs=self.place, outputs=self.outputs, queue=False, **EACH)
        loaded = page.load(
            self._load,
            inputs=[
                gr.Textbox(visible=False),
                gr.Textbox(visible=False),
            ],  # a State would not take the value that the browser sends
            outputs=self.outputs,
            js=_KEPT,
            queue=False,
            **QUIET,
        )
        for shown in (loaded, opened):
            shown.then(self._follow, inputs=self.conversation, **asking)

    @errors_shown
    def refresh(self, conversation: str, chosen: tuple[str, ...], request: gr.Request) -> dict[Block, Any]:
        """Show the conversation again after the notes changed; its inputs are `place`."""
        if not conversation:  # the page has not opened one yet
            return {self.transcript: gr.skip()}
        return self.shown(self.of(request).refresh(conversation, chosen, session(request)))

    @errors_shown
    def _load(self, conversation: str, chosen: str, request: gr.Request) -> dict[Block, Any]:
        kept = from_browser(chosen) if chosen else None
        return self.shown(self.of(request).load(conversation or "", session(request), kept))

    @errors_shown_while
    def _follow(self, conversation: str, request: gr.Request) -> Iterator[dict[Block, Any]]:
        yield from self._all_shown(self.of(request).follow(conversation, session(request)))

    @errors_shown_while
    def _ask_typed(
        self, question: str, conversation: str, chosen: tuple[str, ...], request: gr.Request
    ) -> Iterator[dict[Block, Any]]:
        # What is not asked stays in the box: a question during an answer, or one that is too long.
        typed = {self.question: "" if self.of(request).takes(question, conversation) else question}
        views = map(self.shown, self.of(request).ask(question, conversation, session(request), chosen))
        yield typed | next(views, {})
        yield from views

    def _ask_example(
        self, conversation: str, chosen: tuple[str, ...], event: gr.EventData, request: gr.Request
    ) -> Iterator[dict[Block, Any]]:
        asked = self.of(request).ask(data(event, "question"), conversation, session(request), chosen)
        yield from self._all_shown(asked)

    def _retry(
        self, conversation: str, chosen: tuple[str, ...], event: gr.EventData, request: gr.Request
    ) -> Iterator[dict[Block, Any]]:
        said = {"yes": True, "no": False}
        exact, everywhere = said.get(data(event, "exact")), said.get(data(event, "unnamed"))
        if data(event, "everywhere"):
            chosen = ()
            yield self.shown(self.of(request).widen())
        question = data(event, "typed")[:_MOST_QUESTION_CHARS]
        asked = self.of(request).retry(
            data(event, "exchange"),
            conversation,
            session(request),
            chosen,
            exact,
            question,
            everywhere,
            data(event, "wish"),
        )
        yield from self._all_shown(asked)

    @errors_shown
    def _limit(self, chosen: tuple[str, ...], event: gr.EventData, request: gr.Request) -> dict[Block, Any]:
        return self.shown(self.of(request).limit(data(event, "part"), chosen))

    @errors_shown
    def _widen(self, request: gr.Request) -> dict[Block, Any]:
        return self.shown(self.of(request).widen())

    @errors_shown
    def _show(self, event: gr.EventData, request: gr.Request) -> dict[Block, Any]:
        return self.shown(self.of(request).show(data(event, "exchange")))

    @errors_shown
    def _read(self, event: gr.EventData, request: gr.Request) -> dict[Block, Any]:
        given = (data(event, name) for name in ("exchange", "n", "first", "last"))
        return self.shown(self.of(request).read(*given))

    @errors_shown
    def _judge(self, conversation: str, event: gr.EventData, request: gr.Request) -> dict[Block, Any]:
        given = (data(event, "exchange"), data(event, "verdict"), conversation, session(request))
        return self.shown(self.of(request).judge(*given))

    @errors_shown
    def _stop(self, request: gr.Request) -> None:
        self.of(request).stop(session(request))

    @errors_shown
    def _new(self, chosen: tuple[str, ...], request: gr.Request) -> dict[Block, Any]:
        return self.shown(self.of(request).open("", session(request), chosen))

    @errors_shown
    def _open(self, event: gr.EventData, request: gr.Request) -> dict[Block, Any]:
        return self.shown(self.of(request).open(data(event, "conversation"), session(request)))

    @errors_shown
    def _restore(self, event: gr.EventData, request: gr.Request) -> dict[Block, Any]:
        return self.shown(self.of(request).restore(data(event, "conversation"), session(request)))

    @errors_shown
    def _rename(self, conversation: str, event: gr.EventData, request: gr.Request) -> dict[Block, Any]:
        names = (data(event, "conversation"), data(event, "typed"))
        return self.shown(View(conversations=self.of(request).list.rename(*names, conversation)))

    @errors_shown
    def _search(self, conversation: str, event: gr.EventData, request: gr.Request) -> dict[Block, Any]:
        found = self.of(request).list.search(data(event, "words"), conversation)
        return self.shown(View(conversations=found))

    @errors_shown
    def _forget(
        self, conversation: str, chosen: tuple[str, ...], event: gr.EventData, request: gr.Request
    ) -> dict[Block, Any]:
        doomed = data(event, "conversation")
        return self.shown(self.of(request).forget(doomed, conversation, session(request), chosen))

    def _all_shown(self, views: Iterator[View]) -> Iterator[dict[Block, Any]]:
        """Yield the values of the views.

        One without a change comes first, because Gradio empties the outputs of a handler that yields nothing.
        """
        yield {self.transcript: gr.skip()}
        yield from map(self.shown, views)

    def shown(self, view: View) -> dict[Block, Any]:
        """Return the values of the components that a view changes, with its number."""
        number = view.number or next_number()
        parts = (
            (self.transcript, view.transcript),
            (self.sources, view.sources),
            (self.conversations, view.conversations),
            (self.scope, view.scope),
        )
        shown: dict[Block, Any] = {part: numbered(new, number) for part, new in parts if new is not None}
        kept = ((self.conversation, view.conversation), (self.chosen, view.chosen))
        shown |= {state: value for state, value in kept if value is not None}
        return shown or {self.transcript: gr.skip()}


def _part(name: str, script: str, **given: Any) -> gr.HTML:
    """Return HTML of our own in which a view that was overtaken is not drawn."""
    return html(js_on_load=script, html_template=NEWEST.format(part=name), **given)
