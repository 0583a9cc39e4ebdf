"""The page Model: the one in use, others to switch to or pull, settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from rag.errors import InputError, LecternError
from ui.model_switch import use_model
from ui.teacher.job import Job
from ui.teacher.rendering import teacher_page
from ui.teacher.words import FACTS, fit_sentence
from ui.web.adapters import AdapterChoice
from ui.web.courses.desks import CourseDesks, PerCourse
from ui.web.courses.path import course_in
from ui.web.forms import form_of, go_to
from ui.web.language import gettext as _

if TYPE_CHECKING:
    from rag.chat_models.inventory import Listed
    from rag.chat_models.memory_estimate import MemoryEstimate
    from ui.application import Application
    from ui.web.desk import Desk

ADDRESS = "/lectern/model"
_MOST_QUESTION_CHARS = 2000
_MEGABYTE = 1_000_000
_HIDDEN = "(hidden)"
"""Shown in place of a secret."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One answer of a comparison: the adapter's name, the text, its kind and seconds."""

    name: str
    text: str
    kind: str
    seconds: float


def add_model_pages(app: FastAPI, desks: CourseDesks, local: bool) -> None:
    """Add `/lectern/model`.

    Only on a `local` server a model may be switched, pulled or set.
    """
    of = PerCourse(desks, _Models)

    @app.get(ADDRESS, include_in_schema=False)
    def overview(request: Request) -> Response:
        return _overview(request, of, local)

    @app.get(f"{ADDRESS}/progress", include_in_schema=False)
    def progress(request: Request) -> Response:
        return teacher_page(
            request, "job", progress=of.of(course_in(request.scope)).job.progress, address=ADDRESS
        )

    @app.post(f"{ADDRESS}/cancel", include_in_schema=False)
    async def cancel(request: Request) -> Response:
        await form_of(request)
        of.of(course_in(request.scope)).job.cancel()
        return go_to(request.scope.get("root_path", "") + ADDRESS)

    @app.post(ADDRESS, include_in_schema=False)
    async def change(request: Request) -> Response:
        fields = await form_of(request)
        try:
            if not local:
                raise InputError(
                    _(
                        "Models and settings are changed by the owner of the machine: lectern chat on a loopback address, or `lectern models pull` and lectern.toml."
                    )
                )
            await run_in_threadpool(of.of(course_in(request.scope)).change, fields)
        except LecternError as exc:
            return _overview(request, of, local, status=400, problem=str(exc))
        return go_to(request.scope.get("root_path", "") + ADDRESS)

    @app.post(f"{ADDRESS}/compare", include_in_schema=False)
    async def compare(request: Request) -> Response:
        fields = await form_of(request)
        question = fields.get("question", "").strip()[:_MOST_QUESTION_CHARS]
        try:
            await run_in_threadpool(of.of(course_in(request.scope)).compare, question)
        except LecternError as exc:
            return _overview(request, of, local, status=400, problem=str(exc))
        return go_to(request.scope.get("root_path", "") + ADDRESS)


def _overview(
    request: Request,
    of: PerCourse[_Models],
    local: bool,
    *,
    status: int = 200,
    problem: str = "",
) -> Response:
    models = of.of(course_in(request.scope))
    estimate = models.estimate()
    values: dict[str, Any] = {
        "progress": models.job.progress,
        "address": ADDRESS,
        "local": local,
        "problem": problem,
        "name": models.name,
        "before": models.before,
        "chosen": models.facts(),
        "facts": {key: _(words) for key, words in FACTS.items()},
        "estimate": estimate,
        "fit": fit_sentence(estimate) if estimate else "",
        "hidden": _HIDDEN,
        "state": models.desk.status(),
        "models": models.listed(),
        "adapters": models.desk.adapters(),
        "settings": models.settings(),
        "question": models.question,
        "trials": models.trials,
    }
    values["model"] = values.pop("name")
    return teacher_page(request, "model", status=status, **values)


class _Models:
    """The model in use, the others of this machine, and the settings."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.job = Job()
        self.before = ""
        self.question = ""
        self.trials: tuple[Trial, ...] = ()

    @property
    def name(self) -> str:
        """The name of the model in use."""
        return self.desk.application.settings.model.name

    def facts(self) -> dict[str, Any]:
        """Return the facts about the model in use, or the reason without them."""
        from rag.chat_models.inventory import described

        try:
            found = described(self.name, self.desk.application.settings.model.folder)
        except LecternError as exc:
            return {"problem": str(exc)}
        wanted = (
            "kind",
            "title",
            "architecture",
            "parameters",
            "size_bytes",
            "context_tokens",
            "engine",
            "license",
        )
        return {key: found[key] for key in wanted if found.get(key)}

    def estimate(self) -> MemoryEstimate | None:
        """Return the memory that the model in use takes; None for a server's model."""
        from rag.chat_models.estimate import estimate

        try:
            return estimate(self.desk.application.settings.model, 0)
        except LecternError:
            return None

    def listed(self) -> list[Listed]:
        """Return the presets and the models of this machine."""
        from rag.chat_models.inventory import listed_models

        return listed_models(settings=self.desk.application.settings.model)

    def settings(self) -> list[tuple[str, str, str]]:
        """Return every setting with its value and what it does; secrets are hidden."""
        from rag.settings_loading import flat_settings, known_keys

        values = flat_settings(self.desk.application.settings)
        secret = ("model.api_key", "access.password")
        about = known_keys()
        return [
            (key, _HIDDEN if key in secret and value else str(value), _(str(about[key])))
            for key, value in values.items()
        ]

    def change(self, fields: dict[str, str]) -> None:
        """Switch the model, pull a preset, or keep a setting.

        Raises:
            LecternError: it is none that is offered, does not fit, or its value cannot be used.
        """
        if name := fields.get("use"):
            self._use(name)
        elif name := fields.get("pull"):
            self._pull(name)
        elif key := fields.get("key"):
            _keep_setting(key, fields.get("value", ""))

    def compare(self, question: str) -> None:
        """Begin to answer one question with the base and with the adapter in use.

        `trials` has the answers once the work has ended. The adapter from before is in use again then, also where a
        model failed.

        Raises:
            LecternError: there is no question or no adapter, or something is under way.
        """
        if not question:
            raise InputError(_("Type a question to compare the answers to it."))
        adapters = self.desk.adapters()
        used = next((one for one in adapters if one.used), None)
        if used is None or len(adapters) < 2:
            raise InputError(_("This model has no adapter to compare its base with."))
        other = next(
            one for one in adapters if one.setting == ("none" if used.setting != "none" else "default")
        )
        pair = (other, used) if used.setting != "none" else (used, other)

        def work() -> None:
            with self.desk.changing(other) as application:
                try:
                    self.trials = tuple(_answered(application, one, question) for one in pair)
                finally:
                    application.use_adapter(used.setting)

        self.job.start(_("Answering with the base and with the adapter"), "", work)
        self.question, self.trials = question, ()

    def _use(self, name: str) -> None:
        known = {one.name: one for one in self.listed()}
        if name not in known or not known[name].here:
            raise InputError(_("The model %(name)s is not on this machine. Pull it first.", name=repr(name)))
        self.job.start(
            _("Switching to %(model)s", model=name),
            "",
            lambda: self._switch(name),
            _("%(model)s answers from now on.", model=name),
        )

    def _switch(self, name: str) -> None:
        before = self.name
        with self.desk.changing(AdapterChoice("default", name, "")) as application:
            use_model(application, name)
        self.before = before

    def _fetched(self, done: int, size: int, _file: str) -> None:
        self.job.step(done // _MEGABYTE, size // _MEGABYTE)

    def _pull(self, name: str) -> None:
        from rag.chat_models.presets import reference
        from rag.chat_models.pull.pulling import pull
        from ui.model_pull import check_fits, pull_terms

        settings = self.desk.application.settings.model.model_copy(update={"name": name})
        preset = reference(name, settings.folder)
        if not pull_terms(preset, settings):
            raise InputError(
                _(
                    "There is nothing to pull for %(model)s: it is here already, or runs on a server.",
                    model=repr(name),
                )
            )
        check_fits(settings)
        self.job.start(
            _("Pulling %(model)s", model=name),
            "MB",
            lambda: pull(preset, self._fetched, settings.folder),
            _("%(model)s is on this machine now.", model=name),
        )


def _answered(application: Application, adapter: AdapterChoice, question: str) -> Trial:
    application.use_adapter(adapter.setting)
    answer = application.chain().invoke({"question": question})
    name = _("base model") if adapter.setting == "none" else adapter.name
    return Trial(name, answer.text, str(answer.kind), answer.timings.total_seconds)


def _keep_setting(key: str, value: str) -> None:
    """Write a setting to the settings file, which the next start reads.

    Raises:
        SettingsError: there is no such setting, or the value cannot be used.
    """
    from rag.settings_loading import keep_setting

    keep_setting(key, value)
