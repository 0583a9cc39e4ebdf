"""The choice of a course as a Gradio component.

Courses are switched, made, renamed, removed and brought back.
"""

from __future__ import annotations

import gradio as gr

from ui.web.components import QUIET, data, errors_shown, forwarding, html, person_behind
from ui.web.courses.desks import CourseDesks
from ui.web.courses.path import address_of, course_of
from ui.web.views.courses_view import courses_html

_REMOVED = "() => [new URLSearchParams(location.search).get('removed') ?? '']"
"""Script that returns the course whose page was left because it was removed."""

_LOOK_AGAIN = "addEventListener('focus', () => element.querySelector('details')?.open || trigger('look'));"
"""Script that lists the courses again when a person comes back to the tab.

Another tab may have changed them.
"""


class CoursesPart:
    """The name of the course, and the list of all.

    Teachers change it on a `managed` page.
    """

    def __init__(self, desks: CourseDesks, managed: bool) -> None:
        self._desks = desks
        self._managed = managed
        actions = ("make_course", "rename_course", "remove_course", "restore_course", "look")
        self.choice = html(elem_id="courses", js_on_load=forwarding(*actions) + _LOOK_AGAIN)

    def wire_list(self, page: gr.Blocks) -> None:
        """Connect the events that only show the list."""
        page.load(
            self._load,
            inputs=gr.Textbox(visible=False),
            outputs=self.choice,
            js=_REMOVED,
            queue=False,
            **QUIET,
        )
        self.choice.look(self._look, outputs=self.choice, queue=False, **QUIET)

    def wire(self) -> None:
        """Connect the events that change the list."""
        if self._managed:
            self.choice.make_course(self._make, outputs=self.choice, **QUIET)
            self.choice.rename_course(self._rename, outputs=self.choice, **QUIET)
            self.choice.remove_course(self._remove, outputs=self.choice, **QUIET)
            self.choice.restore_course(self._restore, outputs=self.choice, **QUIET)

    @errors_shown
    def _load(self, removed: str, request: gr.Request) -> str:
        return self._shown(request, removed=removed)

    @errors_shown
    def _look(self, request: gr.Request) -> str:
        return self._shown(request)

    @errors_shown
    def _make(self, event: gr.EventData, request: gr.Request) -> str:
        made = self._desks.registry.make(data(event, "typed"))
        return self._shown(request, leads_to=address_of(made.id))

    @errors_shown
    def _rename(self, event: gr.EventData, request: gr.Request) -> str:
        self._desks.registry.rename(data(event, "course"), data(event, "typed"))
        return self._shown(request)

    @errors_shown
    def _remove(self, event: gr.EventData, request: gr.Request) -> str:
        removed = self._desks.registry.remove(data(event, "course"))
        leads_to = f"/?removed={removed.id}" if removed.id == course_of(request) else ""
        return self._shown(request, removed=removed.id, leads_to=leads_to)

    @errors_shown
    def _restore(self, event: gr.EventData, request: gr.Request) -> str:
        restored = self._desks.registry.restore(data(event, "course"))
        return self._shown(request, leads_to=address_of(restored.id))

    def _shown(self, request: gr.Request, removed: str = "", leads_to: str = "") -> str:
        registry = self._desks.registry
        changeable = self._managed and person_behind(request).teaches
        return courses_html(
            registry.courses(), registry.removed(), course_of(request), changeable, removed, leads_to
        )
