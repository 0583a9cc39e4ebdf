"""The chat as Gradio components: the conversations, the one that is open with its composer, and the sources beside it.

Everything that is shown comes from `ChatEvents`; here its views are handed to components.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.blocks import Block  # Gradio resolves the handlers' annotations when the page is built

from ui.web.chat_events import ChatEvents, View
from ui.web.components import QUIET, data, forwarding, html, session, told, told_while
from ui.web.scope_choice import from_browser

_MOST_QUESTIONS_AT_ONCE = 8
_MOST_QUESTION_CHARS = 100_000


class ChatPart:
    """The list of conversations, the conversation with its composer, and the sources beside it."""

    def __init__(self, events: ChatEvents) -> None:
        self.events = events
        self.conversation = gr.State("")
        self.chosen = gr.State(())
        with gr.Row(elem_id="desk"):
            with gr.Column(elem_id="rail"):
                self.new = gr.Button("New conversation", elem_id="new", size="sm")
                self.conversations = html(js_on_load=forwarding("open", "forget"))
            with gr.Column(elem_id="chat"):
                with gr.Column(elem_id="chat-scroll"):
                    self.transcript = html(js_on_load=forwarding("ask", "retry", "show", "judge"))
                with gr.Row(elem_id="composer"):
                    self.scope = html(elem_id="scope", js_on_load=forwarding("limit", "widen"))
                    self.question = gr.Textbox(
                        elem_id="question",
                        label="Question",
                        show_label=False,
                        placeholder="Ask your notes…",
                        lines=1,
                        max_lines=6,
                        max_length=_MOST_QUESTION_CHARS,
                        container=False,
                        autofocus=True,
                        scale=1,
                    )
                    self.send = gr.Button("Ask", elem_id="send", variant="primary", scale=0, min_width=84)
                    self.stop = gr.Button(
                        "Stop", elem_id="stop", variant="stop", scale=0, min_width=84, visible=False
                    )
            with gr.Column(elem_id="sources"):
                self.sources = html()
        self.outputs: list[Block] = [
            self.transcript, self.sources, self.conversations, self.conversation, self.send, self.stop, self.scope, self.chosen
        ]  # fmt: skip

    @property
    def place(self) -> list[Block]:
        """Where a question is asked: the conversation, and the part of the notes that it is about."""
        return [self.conversation, self.chosen]

    def wire(self, page: gr.Blocks) -> None:
        """Connects the events."""
        asking: dict[str, Any] = {
            "outputs": self.outputs,
            "concurrency_limit": _MOST_QUESTIONS_AT_ONCE,
            "concurrency_id": "ask",
            **QUIET,
        }
        held = gr.State("")
        gr.on(
            [self.question.submit, self.send.click],
            lambda question: (question, ""),
            inputs=self.question,
            outputs=[held, self.question],
            queue=False,
            **QUIET,
        ).then(self._ask_held, inputs=[held, *self.place], **asking)
        self.transcript.ask(self._ask_example, inputs=self.place, **asking)
        self.transcript.retry(self._retry, inputs=self.place, **asking)
        self.transcript.show(self._show, outputs=self.sources, queue=False, **QUIET)
        self.transcript.judge(
            self._judge, inputs=self.conversation, outputs=self.transcript, queue=False, **QUIET
        )
        scope: dict[str, Any] = {"outputs": [self.scope, self.chosen], "queue": False, **QUIET}
        self.scope.limit(self._limit, inputs=self.chosen, **scope)
        self.scope.widen(self._widen, **scope)
        self.stop.click(self._stop, queue=False, **QUIET)
        self.new.click(self._new, outputs=self.outputs, queue=False, **QUIET)
        self.conversations.open(self._open, outputs=self.outputs, queue=False, **QUIET)
        self.conversations.forget(
            self._forget, inputs=self.conversation, outputs=self.outputs, queue=False, **QUIET
        )
        page.load(
            self._load,
            inputs=[
                gr.Textbox(visible=False),
                gr.Textbox(visible=False),
            ],  # a State would not take what the browser says
            outputs=self.outputs,
            js="() => ['lectern-conversation', 'lectern-scope'].map((name) => sessionStorage.getItem(name) ?? '')",
            queue=False,
            **QUIET,
        )
        page.unload(self._stop)

    @told
    def refresh(self, conversation: str, chosen: tuple[str, ...]) -> dict[Block, Any]:
        """The conversation again, after the notes changed; `place` is what it takes."""
        return self._shown(self.events.refresh(conversation, chosen))

    @told
    def _load(self, conversation: str, chosen: str, request: gr.Request) -> dict[Block, Any]:
        kept = from_browser(chosen) if chosen else None
        return self._shown(self.events.open(conversation or "", session(request), kept))

    @told_while
    def _ask_held(
        self, question: str, conversation: str, chosen: tuple[str, ...], request: gr.Request
    ) -> Iterator[dict[Block, Any]]:
        yield from map(self._shown, self.events.ask(question, conversation, session(request), chosen))

    def _ask_example(
        self, conversation: str, chosen: tuple[str, ...], event: gr.EventData, request: gr.Request
    ) -> Iterator[dict[Block, Any]]:
        asked = self.events.ask(data(event, "question"), conversation, session(request), chosen)
        yield from map(self._shown, asked)

    def _retry(
        self, conversation: str, chosen: tuple[str, ...], event: gr.EventData, request: gr.Request
    ) -> Iterator[dict[Block, Any]]:
        asked = self.events.retry(data(event, "exchange"), conversation, session(request), chosen)
        yield from map(self._shown, asked)

    @told
    def _limit(self, chosen: tuple[str, ...], event: gr.EventData) -> dict[Block, Any]:
        return self._shown(self.events.limit(data(event, "part"), chosen))

    @told
    def _widen(self) -> dict[Block, Any]:
        return self._shown(self.events.widen())

    @told
    def _show(self, event: gr.EventData) -> str | None:
        return self.events.show(data(event, "exchange")).sources

    @told
    def _judge(self, conversation: str, event: gr.EventData) -> Any:
        shown = self.events.judge(data(event, "exchange"), data(event, "verdict"), conversation).transcript
        return gr.skip() if shown is None else shown

    @told
    def _stop(self, request: gr.Request) -> None:
        self.events.stop(session(request))

    @told
    def _new(self, request: gr.Request) -> dict[Block, Any]:
        return self._shown(self.events.open("", session(request)))

    @told
    def _open(self, event: gr.EventData, request: gr.Request) -> dict[Block, Any]:
        return self._shown(self.events.open(data(event, "conversation"), session(request)))

    @told
    def _forget(self, conversation: str, event: gr.EventData, request: gr.Request) -> dict[Block, Any]:
        return self._shown(self.events.forget(data(event, "conversation"), conversation, session(request)))

    def _shown(self, view: View) -> dict[Block, Any]:
        shown: dict[Block, Any] = {
            component: value
            for component, value in (
                (self.transcript, view.transcript),
                (self.sources, view.sources),
                (self.conversations, view.conversations),
                (self.conversation, view.conversation),
                (self.scope, view.scope),
                (self.chosen, view.chosen),
            )
            if value is not None
        }
        if view.running is not None:
            shown |= {
                self.send: gr.Button(visible=not view.running),
                self.stop: gr.Button(visible=view.running),
            }
        return shown
