"""The notes panel as Gradio components.

They add notes, show the progress, and list the library. Everything shown comes from `NoteEvents`; here its
views are handed to components.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
from gradio.blocks import Block  # Gradio resolves the handlers' annotations when the page is built

from ingest.kinds import readable_suffixes
from ui.web.chat_part import ChatPart
from ui.web.components import EACH, QUIET, data, errors_shown, errors_shown_while, forwarding, html, session
from ui.web.courses.desks import PerCourse
from ui.web.language import marked, noted
from ui.web.note_events import NoteEvents, NoteView

_DECISIONS = ("replace_note", "keep_both", "cancel_ingest", "resume_ingest", "dismiss_result", "look")
_LOOK_AGAIN = "addEventListener('focus', () => trigger('look'));"
"""Script that looks for an ingest under way when a person comes back to the tab."""
_WHAT = noted(
    "Documents, slides, tables, notebooks, pages, e-books, text, and .zip archives of them. Files are read and kept on "
    "this machine; added again, only what changed is read again."
)


class NotesPart:
    """Components that add notes, show the progress, and list the library."""

    def __init__(self, events: PerCourse[NoteEvents], folders: bool) -> None:
        self.events = events
        with gr.Row(elem_id="notes"):
            with gr.Column(elem_id="add") as self.adding:
                html("<h2>" + marked("Add notes") + f"</h2><p>{marked(_WHAT)}</p>")
                self.files = gr.File(
                    label=marked("Files to add"),
                    file_count="multiple",
                    file_types=readable_suffixes(),
                    elem_id="upload",
                    height=150,
                )
                self.directory = gr.UploadButton(
                    marked("Choose a folder to add"), file_count="directory", elem_id="upload-folder"
                )
                self.folder = gr.Textbox(
                    label=marked("A folder on this machine"),
                    placeholder="/home/me/course",
                    elem_id="folder",
                    visible=folders,
                )
                self.add = gr.Button(marked("Add the folder"), elem_id="add-folder", visible=folders)
                self.watch = gr.Button(
                    marked("Add and watch the folder"), elem_id="watch-folder", visible=folders
                )
                self.progress = html(elem_id="progress", js_on_load=forwarding(*_DECISIONS) + _LOOK_AGAIN)
                self.watched = html(elem_id="watched", js_on_load=forwarding("unwatch"))
            with gr.Column(elem_id="library"):
                html("<h2>" + marked("In the library") + "</h2>")
                self.library = html(js_on_load=forwarding("remove", "retry_note", "dismiss_note"))
        self.outputs: list[Block] = [self.progress, self.library, self.watched]
        self._changed: list[Any] = []
        self._folders = folders

    def wire_list(self, page: gr.Blocks, tab: gr.Tab, chat: ChatPart) -> None:
        """Connect the events that only show the library and its ingest.

        Jobs belong to the course: a reload and another tab follow the one under way.
        """
        following: dict[str, Any] = {"outputs": self.outputs, "concurrency_limit": None, **QUIET}
        page.load(self._follow, **following)
        for look in (tab.select, self.progress.look):
            look(self._follow, **following).then(
                chat.refresh, inputs=chat.place, outputs=chat.outputs, queue=False, **QUIET
            )

    def wire(self, chat: ChatPart) -> None:
        """Connect the events that change the library.

        The example course in the chat is one of them.
        """
        running: dict[str, Any] = {
            "outputs": self.outputs,
            "concurrency_limit": None,  # the jobs of a course have a line of their own
            **EACH,
        }
        for picker in (self.files, self.directory):
            uploaded = picker.upload(self._upload, inputs=picker, **running)
            uploaded.then(lambda: None, outputs=picker, **QUIET)
            self._changed.append(uploaded)
        self._changed += [
            self.library.remove(self._remove, **running),
            self.progress.replace_note(self._replace_note, **running),
            self.progress.keep_both(self._keep_both, **running),
            self.progress.resume_ingest(self._resume, **running),
            self.library.retry_note(self._retry, **running),
        ]
        self.library.dismiss_note(self._dismiss, outputs=self.library, **QUIET)
        self.progress.cancel_ingest(self._cancel, queue=False, **QUIET)
        self.progress.dismiss_result(self._dismiss_result, outputs=self.outputs, queue=False, **QUIET)
        if self._folders:
            added = gr.on(
                [self.add.click, self.folder.submit], self._add_folder, inputs=self.folder, **running
            )
            watched = self.watch.click(self._watch, inputs=self.folder, **running)
            self._changed += [added, watched]
            self.watched.unwatch(self._unwatch, outputs=self.outputs, **QUIET)
        added = chat.transcript.example(
            self._add_example(chat),
            inputs=chat.conversation,
            outputs=[chat.transcript, *self.outputs],
            concurrency_limit=None,
            **QUIET,
        )
        self._changed.append(added)
        for event in self._changed:
            event.then(chat.refresh, inputs=chat.place, outputs=chat.outputs, queue=False, **QUIET)

    @errors_shown_while
    def _upload(self, paths: list[str] | None, request: gr.Request) -> Iterator[dict[Block, Any]]:
        yield from map(self._shown, self.events(request).upload(paths or []))

    @errors_shown_while
    def _add_folder(self, folder: str, request: gr.Request) -> Iterator[dict[Block, Any]]:
        yield from map(self._shown, self.events(request).add_folder(folder))

    def _add_example(self, chat: ChatPart) -> Callable[[str, gr.Request], Iterator[dict[Block, Any]]]:
        @errors_shown_while
        def add(conversation: str, request: gr.Request) -> Iterator[dict[Block, Any]]:
            for view in self.events(request).add_example():
                shown = self._shown(view)
                if view.progress is not None and view.library is None:
                    shown |= chat.shown(chat.of(request).adding(conversation, view.progress))
                yield shown

        return add

    @errors_shown_while
    def _remove(self, event: gr.EventData, request: gr.Request) -> Iterator[dict[Block, Any]]:
        yield from map(self._shown, self.events(request).remove(data(event, "document")))

    @errors_shown_while
    def _replace_note(self, event: gr.EventData, request: gr.Request) -> Iterator[dict[Block, Any]]:
        yield from map(self._shown, self.events(request).decide(data(event, "token"), replace=True))

    @errors_shown_while
    def _keep_both(self, event: gr.EventData, request: gr.Request) -> Iterator[dict[Block, Any]]:
        yield from map(self._shown, self.events(request).decide(data(event, "token"), replace=False))

    @errors_shown_while
    def _follow(self, request: gr.Request) -> Iterator[dict[Block, Any]]:
        if self._folders:
            yield {self.watched: self.events(request).watched()}
        yield from map(self._shown, self.events(request).follow(session(request)))

    @errors_shown_while
    def _resume(self, request: gr.Request) -> Iterator[dict[Block, Any]]:
        yield from map(self._shown, self.events(request).resume())

    @errors_shown_while
    def _retry(self, event: gr.EventData, request: gr.Request) -> Iterator[dict[Block, Any]]:
        yield from map(self._shown, self.events(request).retry(data(event, "key")))

    @errors_shown_while
    def _watch(self, folder: str, request: gr.Request) -> Iterator[dict[Block, Any]]:
        yield from map(self._shown, self.events(request).watch(folder))

    @errors_shown
    def _unwatch(self, event: gr.EventData, request: gr.Request) -> dict[Block, Any]:
        return self._shown(self.events(request).unwatch(data(event, "folder")))

    @errors_shown
    def _dismiss(self, event: gr.EventData, request: gr.Request) -> Any:
        return self.events(request).dismiss(data(event, "key")).library

    @errors_shown
    def _dismiss_result(self, request: gr.Request) -> dict[Block, Any]:
        return self._shown(self.events(request).dismiss_result())

    @errors_shown
    def _cancel(self, request: gr.Request) -> None:
        self.events(request).cancel()

    def _shown(self, view: NoteView) -> dict[Block, Any]:
        values = (
            (self.progress, view.progress),
            (self.library, view.library),
            (self.watched, view.watched),
        )
        return {component: value for component, value in values if value is not None}
