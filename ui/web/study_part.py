"""The study page as Gradio components.

A quiz or the cards that are due, the progress, and exports. Everything shown comes from `StudyEvents`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.blocks import Block  # Gradio resolves the handlers' annotations when the page is built

from rag.study.items import is_self_judged
from ui.web.components import QUIET, data, errors_shown, forwarding, html
from ui.web.language import gettext as _
from ui.web.language import marked
from ui.web.study_events import MOST_ITEMS, Sitting, StudyEvents
from ui.web.study_scopes import scope_names
from ui.web.views.study_view import making_html


class StudyPart:
    """Components that make, ask and export study items."""

    def __init__(self, events: Callable[[gr.Request], StudyEvents]) -> None:
        self._events = events
        self.sitting = gr.State(Sitting())
        with gr.Row(elem_id="study"):
            with gr.Column(elem_id="study-make"):
                html(
                    "<h2>"
                    + marked("Study")
                    + "</h2><p>"
                    + marked(
                        "Questions made from your notes. Every key is in them, word for word, with its place."
                    )
                    + "</p>"
                )
                self.scope = gr.Dropdown(
                    [(marked("All notes"), "")], value="", label=marked("About"), elem_id="study-scope"
                )
                self.count = gr.Slider(
                    3, MOST_ITEMS, value=10, step=1, label=marked("Questions"), elem_id="study-count"
                )
                self.make = gr.Button(marked("Make a quiz"), variant="primary", elem_id="study-quiz")
                self.due = gr.Button(marked("Cards that are due"), elem_id="study-due")
                html(
                    '<p class="study-exports">'
                    + marked("Take all items with you:")
                    + ' <a href="lectern/study/anki">Anki</a> '
                    '<a href="lectern/study/moodle">Moodle</a> <a href="lectern/study/csv">CSV</a> '
                    '<a href="lectern/study/markdown">Markdown</a> <a href="lectern/study/html" target="_blank">'
                    + marked("to print")
                    + "</a></p>"
                )
            with gr.Column(elem_id="study-ask"):
                self.card = html(
                    js_on_load=forwarding("choose", "next", "report", "unknown", "show", "grade")
                )
                self.answer = gr.Textbox(
                    label=marked("Your answer"),
                    elem_id="study-answer",
                    visible=False,
                    lines=1,
                    max_lines=4,
                    submit_btn=True,
                )
            with gr.Column(elem_id="study-known"):
                self.progress = html()
        self.outputs: list[Block] = [self.sitting, self.card, self.answer]

    def of(self, request: gr.Request) -> StudyEvents:
        """Return the events of the person and course behind a request."""
        return self._events(request)

    def wire(self, page: gr.Blocks, tab: gr.Tab) -> None:
        """Connect the events."""
        making: dict[str, Any] = {
            "outputs": self.outputs,
            "concurrency_limit": 1,
            "concurrency_id": "study",
            **QUIET,
        }
        asked: dict[str, Any] = {"inputs": self.sitting, "outputs": self.outputs, **QUIET}
        tab.select(self._opened, outputs=[self.scope, self.progress], queue=False, **QUIET)
        self.make.click(making_html, outputs=self.card, queue=False, **QUIET)
        made = self.make.click(self._quiz, inputs=[self.scope, self.count], **making)
        reviewed = self.due.click(self._review, inputs=self.scope, **making)
        chosen = self.card.choose(self._choose, **asked)
        written = self.answer.submit(
            self._write, inputs=[self.sitting, self.answer], outputs=self.outputs, **QUIET
        )
        unknown = self.card.unknown(self._unknown, **asked)
        reported = self.card.report(self._report, **asked)
        graded = self.card.grade(self._grade, **asked)
        self.card.show(self._show, **asked)
        self.card.next(self._next, **asked)
        for event in (made, reviewed, chosen, written, unknown, reported, graded):
            event.then(self._progress, outputs=self.progress, queue=False, **QUIET)

    @errors_shown
    def _opened(self, request: gr.Request) -> tuple[gr.Dropdown, str]:
        return gr.Dropdown([(_("All notes"), ""), *scope_names(self.of(request).records())]), self.of(
            request
        ).progress()

    @errors_shown
    def _progress(self, request: gr.Request) -> str:
        return self.of(request).progress()

    @errors_shown
    def _quiz(self, scope: str, count: float, request: gr.Request) -> list[Any]:
        return self._shown(request, self.of(request).quiz([scope] if scope else [], count))

    @errors_shown
    def _review(self, scope: str, request: gr.Request) -> list[Any]:
        return self._shown(request, self.of(request).review([scope] if scope else []))

    @errors_shown
    def _choose(self, sitting: Sitting, event: gr.EventData, request: gr.Request) -> list[Any]:
        return self._shown(request, self.of(request).answer(sitting, data(event, "choice")))

    @errors_shown
    def _write(self, sitting: Sitting, given: str, request: gr.Request) -> list[Any]:
        return self._shown(request, self.of(request).answer(sitting, given))

    @errors_shown
    def _unknown(self, sitting: Sitting, request: gr.Request) -> list[Any]:
        return self._shown(request, self.of(request).unknown(sitting))

    @errors_shown
    def _show(self, sitting: Sitting, request: gr.Request) -> list[Any]:
        return self._shown(request, self.of(request).show(sitting))

    @errors_shown
    def _grade(self, sitting: Sitting, event: gr.EventData, request: gr.Request) -> list[Any]:
        return self._shown(request, self.of(request).grade(sitting, data(event, "knew") == "yes"))

    @errors_shown
    def _report(self, sitting: Sitting, request: gr.Request) -> list[Any]:
        return self._shown(request, self.of(request).report(sitting))

    @errors_shown
    def _next(self, sitting: Sitting, request: gr.Request) -> list[Any]:
        return self._shown(request, self.of(request).following(sitting))

    def _shown(self, request: gr.Request, sitting: Sitting) -> list[Any]:
        item = sitting.item
        writes = (
            item is not None and not item.choices and not is_self_judged(item) and sitting.answered is None
        )
        label = _("Your answer")
        if item is not None and item.unit:
            label = _("Your answer (in %(unit)s, or with a unit of your own)", unit=item.unit)
        field = gr.Textbox(value="", visible=writes, label=label)
        return [sitting, self.of(request).view(sitting), field]
