"""The notes as Gradio components: adding some, how far that is, and what is in the library.

Everything that is shown comes from `NoteEvents`; here its views are handed to components.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.blocks import Block  # Gradio resolves the handlers' annotations when the page is built

from ui.web.chat_part import ChatPart
from ui.web.components import QUIET, data, forwarding, html, told, told_while
from ui.web.note_events import NoteEvents, NoteView

_NOTE_TYPES = [".md", ".mdx", ".markdown", ".ipynb", ".pdf", ".docx", ".pptx", ".html", ".htm", ".txt"]


class NotesPart:
    """Adding notes, how far that is, and what is in the library."""

    def __init__(self, events: NoteEvents, folders: bool) -> None:
        self.events = events
        with gr.Row(elem_id="notes"):
            with gr.Column(elem_id="add"):
                html("<h2>Add notes</h2><p>Markdown, notebooks, PDF, Word, PowerPoint, HTML and text. Files are read "
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
                self.progress = html(elem_id="progress")
            with gr.Column(elem_id="library"):
                html("<h2>In the library</h2>")
                self.library = html(js_on_load=forwarding("remove"))
        self.outputs: list[Block] = [self.progress, self.library]
        self._changed: list[Any] = []
        self._folders = folders

    def wire(self, page: gr.Blocks, tab: gr.Tab) -> None:
        """Connects the events."""
        running: dict[str, Any] = {
            "outputs": self.outputs,
            "concurrency_limit": 2,
            "concurrency_id": "ingest",
            **QUIET,
        }
        uploaded = self.files.upload(self._upload, inputs=self.files, **running)
        uploaded.then(lambda: None, outputs=self.files, **QUIET)
        removed = self.library.remove(self._remove, **running)
        self._changed = [uploaded, removed]
        if self._folders:
            self._changed.append(
                gr.on([self.add.click, self.folder.submit], self._add_folder, inputs=self.folder, **running)
            )
        page.load(self._list, outputs=self.library, queue=False, **QUIET)
        tab.select(self._list, outputs=self.library, queue=False, **QUIET)

    def then_refresh(self, chat: ChatPart) -> None:
        """Lets the chat know when the notes have changed."""
        for event in self._changed:
            event.then(chat.refresh, inputs=chat.place, outputs=chat.outputs, queue=False, **QUIET)

    @told_while
    def _upload(self, paths: list[str] | None) -> Iterator[dict[Block, Any]]:
        yield from map(self._shown, self.events.upload(paths or []))

    @told_while
    def _add_folder(self, folder: str) -> Iterator[dict[Block, Any]]:
        yield from map(self._shown, self.events.add_folder(folder))

    @told_while
    def _remove(self, event: gr.EventData) -> Iterator[dict[Block, Any]]:
        yield from map(self._shown, self.events.remove(data(event, "document")))

    @told
    def _list(self) -> str:
        return self.events.library()

    def _shown(self, view: NoteView) -> dict[Block, Any]:
        values = ((self.progress, view.progress), (self.library, view.library))
        return {component: value for component, value in values if value is not None}
