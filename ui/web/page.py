"""The page: Gradio components, where they stand, and which event changes which of them. The only module that builds them.

Everything that is shown comes from `ChatEvents` and `NoteEvents`; here their views are handed to components. Clicks inside
our own HTML carry a `data-action`, which becomes an event of that name with the button's other `data-` values.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.blocks import Block  # Gradio resolves the handlers' annotations when the page is built

from ui.web.chat_events import ChatEvents, View
from ui.web.desk import Desk, Stage
from ui.web.note_events import NoteEvents, NoteView
from ui.web.status_view import status_html

_MOST_QUESTIONS_AT_ONCE = 8
_QUEUE_LENGTH = 64
_UPLOAD_KEPT_SECONDS = 3600
_HEADER = (
    '<header class="masthead"><h1><span class="mark" aria-hidden="true"></span>Lectern</h1>'
    "<p>Your notes answer. Nothing leaves this machine.</p>"
    '<button type="button" class="theme" aria-label="Switch between light and dark">◐</button></header>'
)
_NOTE_TYPES = [".md", ".mdx", ".markdown", ".ipynb", ".pdf", ".docx", ".pptx", ".html", ".htm", ".txt"]


def _forwarding(*actions: str) -> str:
    """JavaScript that turns a click on `[data-action=…]` into the event of that name."""
    names = ", ".join(f"'{action}'" for action in actions)
    return (
        "element.addEventListener('click', (event) => {"
        " const button = event.target.closest('[data-action]');"
        f" if (button && [{names}].includes(button.dataset.action)) trigger(button.dataset.action, {{...button.dataset}});"
        "});"
    )


def _html(value: str = "", **given: Any) -> gr.HTML:
    """Our own HTML, without the look that Gradio gives to lists and buttons."""
    return gr.HTML(value, apply_default_css=False, **given)


def build_page(desk: Desk, *, folders: bool) -> gr.Blocks:
    """The page for one library. `folders` allows adding a folder of the server's machine by its path."""
    page = gr.Blocks(
        title="Lectern",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(_UPLOAD_KEPT_SECONDS, _UPLOAD_KEPT_SECONDS),
    )
    with page:
        _html(_HEADER, elem_id="masthead")
        status = _html(status_html(desk.status()), elem_id="status")
        timer = gr.Timer(1.0)
        with gr.Tabs(elem_id="rooms"):
            with gr.Tab("Ask", id="ask"):
                chat = _ChatPart(ChatEvents(desk))
            with gr.Tab("Notes", id="notes") as notes_tab:
                notes = _NotesPart(NoteEvents(desk), folders)
        look = _Look(desk)
        gr.on([page.load, timer.tick], look.now, outputs=[status, timer], queue=False, **_QUIET)
        chat.wire(page)
        notes.wire(page, notes_tab)
        notes.then_refresh(chat)
    page.queue(max_size=_QUEUE_LENGTH, default_concurrency_limit=4, api_open=False)
    return page


_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


class _Look:
    """How far the models are, looked at until they are ready or have failed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def now(self) -> tuple[str, gr.Timer]:
        """The status line, and a timer that ends when there is nothing more to wait for."""
        status = self._desk.status()
        return status_html(status), gr.Timer(active=status.stage in (Stage.OPENING, Stage.LOADING))


class _ChatPart:
    """The list of conversations, the conversation with its composer, and the sources beside it."""

    def __init__(self, events: ChatEvents) -> None:
        self.events = events
        self.conversation = gr.State("")
        with gr.Row(elem_id="desk"):
            with gr.Column(elem_id="rail"):
                self.new = gr.Button("New conversation", elem_id="new", size="sm")
                self.conversations = _html(js_on_load=_forwarding("open", "forget"))
            with gr.Column(elem_id="chat"):
                with gr.Column(elem_id="chat-scroll"):
                    self.transcript = _html(js_on_load=_forwarding("ask", "retry", "show", "judge"))
                with gr.Row(elem_id="composer"):
                    self.question = gr.Textbox(
                        elem_id="question",
                        label="Question",
                        show_label=False,
                        placeholder="Ask your notes…",
                        lines=1,
                        max_lines=6,
                        max_length=100_000,
                        container=False,
                        autofocus=True,
                        scale=1,
                    )
                    self.send = gr.Button("Ask", elem_id="send", variant="primary", scale=0, min_width=84)
                    self.stop = gr.Button(
                        "Stop", elem_id="stop", variant="stop", scale=0, min_width=84, visible=False
                    )
            with gr.Column(elem_id="sources"):
                self.sources = _html()
        self.outputs: list[Block] = [
            self.transcript, self.sources, self.conversations, self.conversation, self.send, self.stop
        ]  # fmt: skip

    def wire(self, page: gr.Blocks) -> None:
        """Connects the events."""
        asking: dict[str, Any] = {
            "outputs": self.outputs,
            "concurrency_limit": _MOST_QUESTIONS_AT_ONCE,
            "concurrency_id": "ask",
            **_QUIET,
        }
        held = gr.State("")
        gr.on(
            [self.question.submit, self.send.click],
            lambda question: (question, ""),
            inputs=self.question,
            outputs=[held, self.question],
            queue=False,
            **_QUIET,
        ).then(self._ask_held, inputs=[held, self.conversation], **asking)
        self.transcript.ask(self._ask_example, inputs=self.conversation, **asking)
        self.transcript.retry(self._retry, inputs=self.conversation, **asking)
        self.transcript.show(self._show, outputs=self.sources, queue=False, **_QUIET)
        self.transcript.judge(
            self._judge, inputs=self.conversation, outputs=self.transcript, queue=False, **_QUIET
        )
        self.stop.click(self._stop, queue=False, **_QUIET)
        self.new.click(self._new, outputs=self.outputs, queue=False, **_QUIET)
        self.conversations.open(self._open, outputs=self.outputs, queue=False, **_QUIET)
        self.conversations.forget(
            self._forget, inputs=self.conversation, outputs=self.outputs, queue=False, **_QUIET
        )
        page.load(
            self._load,
            inputs=gr.Textbox(visible=False),  # a State would not take what the browser says
            outputs=self.outputs,
            js="() => [sessionStorage.getItem('lectern-conversation') ?? '']",
            queue=False,
            **_QUIET,
        )
        page.unload(self._stop)

    def refresh(self, conversation: str) -> dict[Block, Any]:
        """The conversation again, after the notes changed."""
        return self._shown(self.events.refresh(conversation))

    def _load(self, conversation: str, request: gr.Request) -> dict[Block, Any]:
        return self._shown(self.events.open(conversation or "", _session(request)))

    def _ask_held(self, question: str, conversation: str, request: gr.Request) -> Iterator[dict[Block, Any]]:
        yield from map(self._shown, self.events.ask(question, conversation, _session(request)))

    def _ask_example(
        self, conversation: str, event: gr.EventData, request: gr.Request
    ) -> Iterator[dict[Block, Any]]:
        yield from map(
            self._shown, self.events.ask(_data(event, "question"), conversation, _session(request))
        )

    def _retry(
        self, conversation: str, event: gr.EventData, request: gr.Request
    ) -> Iterator[dict[Block, Any]]:
        yield from map(
            self._shown, self.events.retry(_data(event, "exchange"), conversation, _session(request))
        )

    def _show(self, event: gr.EventData) -> str | None:
        return self.events.show(_data(event, "exchange")).sources

    def _judge(self, conversation: str, event: gr.EventData) -> Any:
        shown = self.events.judge(_data(event, "exchange"), _data(event, "verdict"), conversation).transcript
        return gr.skip() if shown is None else shown

    def _stop(self, request: gr.Request) -> None:
        self.events.stop(_session(request))

    def _new(self, request: gr.Request) -> dict[Block, Any]:
        return self._shown(self.events.open("", _session(request)))

    def _open(self, event: gr.EventData, request: gr.Request) -> dict[Block, Any]:
        return self._shown(self.events.open(_data(event, "conversation"), _session(request)))

    def _forget(self, conversation: str, event: gr.EventData, request: gr.Request) -> dict[Block, Any]:
        return self._shown(self.events.forget(_data(event, "conversation"), conversation, _session(request)))

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


class _NotesPart:
    """Adding notes, how far that is, and what is in the library."""

    def __init__(self, events: NoteEvents, folders: bool) -> None:
        self.events = events
        with gr.Row(elem_id="notes"):
            with gr.Column(elem_id="add"):
                _html("<h2>Add notes</h2><p>Markdown, notebooks, PDF, Word, PowerPoint, HTML and text. Files are read "
                        "and kept on this machine; added again, only what changed is read again.</p>")  # fmt: skip
                self.files = gr.File(
                    label="Files to add",
                    file_count="multiple",
                    file_types=_NOTE_TYPES,
                    elem_id="upload",
                    height=150,
                )
                self.folder = gr.Textbox(
                    label="A folder on this machine",
                    placeholder="/home/me/course",
                    elem_id="folder",
                    visible=folders,
                )
                self.add = gr.Button("Add the folder", elem_id="add-folder", visible=folders)
                self.progress = _html(elem_id="progress")
            with gr.Column(elem_id="library"):
                _html("<h2>In the library</h2>")
                self.library = _html(js_on_load=_forwarding("remove"))
        self.outputs: list[Block] = [self.progress, self.library]
        self._changed: list[Any] = []
        self._folders = folders

    def wire(self, page: gr.Blocks, tab: gr.Tab) -> None:
        """Connects the events."""
        running: dict[str, Any] = {
            "outputs": self.outputs,
            "concurrency_limit": 2,
            "concurrency_id": "ingest",
            **_QUIET,
        }
        uploaded = self.files.upload(self._upload, inputs=self.files, **running)
        uploaded.then(lambda: None, outputs=self.files, **_QUIET)
        removed = self.library.remove(self._remove, **running)
        self._changed = [uploaded, removed]
        if self._folders:
            self._changed.append(
                gr.on([self.add.click, self.folder.submit], self._add_folder, inputs=self.folder, **running)
            )
        page.load(self._list, outputs=self.library, queue=False, **_QUIET)
        tab.select(self._list, outputs=self.library, queue=False, **_QUIET)

    def then_refresh(self, chat: _ChatPart) -> None:
        """Lets the chat know when the notes have changed."""
        for event in self._changed:
            event.then(chat.refresh, inputs=chat.conversation, outputs=chat.outputs, queue=False, **_QUIET)

    def _upload(self, paths: list[str] | None) -> Iterator[dict[Block, Any]]:
        yield from map(self._shown, self.events.upload(paths or []))

    def _add_folder(self, folder: str) -> Iterator[dict[Block, Any]]:
        yield from map(self._shown, self.events.add_folder(folder))

    def _remove(self, event: gr.EventData) -> Iterator[dict[Block, Any]]:
        yield from map(self._shown, self.events.remove(_data(event, "document")))

    def _list(self) -> str:
        return self.events.library()

    def _shown(self, view: NoteView) -> dict[Block, Any]:
        values = ((self.progress, view.progress), (self.library, view.library))
        return {component: value for component, value in values if value is not None}


def _session(request: gr.Request) -> str:
    """The browser tab an event comes from."""
    return str(request.session_hash or "")


def _data(event: gr.EventData, name: str) -> str:
    """A `data-` value of the button that was clicked; empty when it is missing (a request made by hand)."""
    data = event._data if isinstance(event._data, dict) else {}
    return str(data.get(name, ""))
