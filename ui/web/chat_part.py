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

_MOST_QUESTIONS_AT_ONCE = 8
_MOST_QUESTION_CHARS = 100_000


class ChatPart:
    """The list of conversations, the conversation with its composer, and the sources beside it."""

    def __init__(self, events: ChatEvents) -> None:
        self.events = events
        self.conversation = gr.State("")
        with gr.Row(elem_id="desk"):
            with gr.Column(elem_id="rail"):
                self.new = gr.Button("New conversation", elem_id="new", size="sm")
                self.conversations = html(js_on_load=forwarding("open", "forget"))
            with gr.Column(elem_id="chat"):
                with gr.Column(elem_id="chat-scroll"):
                    self.transcript = html(js_on_load=forwarding("ask", "retry", "show", "judge"))
                with gr.Row(elem_id="composer"):
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
            self.transcript, self.sources, self.conversations, self.conversation, self.send, self.stop
        ]  # fmt: skip

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
        ).then(self._ask_held, inputs=[held, self.conversation], **asking)
        self.transcript.ask(self._ask_example, inputs=self.conversation, **asking)
        self.transcript.retry(self._retry, inputs=self.conversation, **asking)
        self.transcript.show(self._show, outputs=self.sources, queue=False, **QUIET)
        self.transcript.judge(
            self._judge, inputs=self.conversation, outputs=self.transcript, queue=False, **QUIET
        )
        self.stop.click(self._stop, queue=False, **QUIET)
        self.new.click(self._new, outputs=self.outputs, queue=False, **QUIET)
        self.conversations.open(self._open, outputs=self.outputs, queue=False, **QUIET)
        self.conversations.forget(
            self._forget, inputs=self.conversation, outputs=self.outputs, queue=False, **QUIET
        )
        page.load(
            self._load,
            inputs=gr.Textbox(visible=False),  # a State would not take what the browser says
            outputs=self.outputs,
            js="() => [sessionStorage.getItem('lectern-conversation') ?? '']",
            queue=False,
            **QUIET,
        )
        page.unload(self._stop)

    @told
    def refresh(self, conversation: str) -> dict[Block, Any]:
        """The conversation again, after the notes changed."""
        return self._shown(self.events.refresh(conversation))

    @told
    def _load(self, conversation: str, request: gr.Request) -> dict[Block, Any]:
        return self._shown(self.events.open(conversation or "", session(request)))

    @told_while
    def _ask_held(self, question: str, conversation: str, request: gr.Request) -> Iterator[dict[Block, Any]]:
        yield from map(self._shown, self.events.ask(question, conversation, session(request)))

    def _ask_example(
        self, conversation: str, event: gr.EventData, request: gr.Request
    ) -> Iterator[dict[Block, Any]]:
        yield from map(self._shown, self.events.ask(data(event, "question"), conversation, session(request)))

    def _retry(
        self, conversation: str, event: gr.EventData, request: gr.Request
    ) -> Iterator[dict[Block, Any]]:
        yield from map(
            self._shown, self.events.retry(data(event, "exchange"), conversation, session(request))
        )

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
            )
            if value is not None
        }
        if view.running is not None:
            shown |= {
                self.send: gr.Button(visible=not view.running),
                self.stop: gr.Button(visible=view.running),
            }
        return shown
