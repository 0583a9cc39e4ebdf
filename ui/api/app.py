"""The HTTP API as a FastAPI application."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, Response

from rag.errors import LecternError
from rag.settings import ApiSettings
from ui.accounts.person import PERSON, Person
from ui.answer_text import answer_record
from ui.api import chat_completions, embeddings, notes
from ui.api.courses import Courses
from ui.api.errors import ApiError, ErrorAnswer, api_error, validation_error
from ui.api.guard import ApiGuard, People
from ui.api.models import model_cards
from ui.api.note_types import (
    AnswerRecord,
    AskRequest,
    CourseName,
    DocumentList,
    SearchAnswer,
    SearchRequest,
    ServiceStatus,
    WholeDocument,
)
from ui.api.openai_types import (
    ChatChunk,
    ChatCompletion,
    ChatRequest,
    EmbeddingList,
    EmbeddingRequest,
    ModelCard,
    ModelList,
)
from ui.api.server_sent import MEDIA_TYPE, EventStream, answered, begun
from ui.api.service import Service
from ui.metrics.exposition import CONTENT_TYPE
from ui.metrics.health import PATH as HEALTH
from ui.metrics.health import HealthFirst, fault

if TYPE_CHECKING:
    from ui.access import Access
    from ui.api.keys import KeyRing

_SUMMARY = "Ask, search and embed with the notes of a course. Every error has OpenAI's form."
_LEFT = Response(status_code=499)
"""The answer to a client that has left; it is never seen."""
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer} for status in (400, 401, 404, 413, 429, 503)
}


def build_api(
    courses: Courses, access: Access, keys: KeyRing, settings: ApiSettings, people: People | None = None
) -> FastAPI:
    """Return the API over some courses; `app.state.service` has its queues.

    With `people` a browser that is logged in needs no key.
    """
    from ui.logs import installed_version

    service = Service(courses, settings)
    app = FastAPI(
        title="Lectern",
        version=installed_version(),
        description=_SUMMARY,
        docs_url=None,
        redoc_url=None,
        responses=_ERRORS,
    )
    app.state.service = service
    _add_errors(app)
    _add_openai_paths(app, service)
    _add_note_paths(app, service)
    _add_metrics(app, service)
    origins = [origin.strip().rstrip("/") for origin in settings.origins.split(",") if origin.strip()]
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=["x-request-id", "retry-after"],
        )
    app.add_middleware(
        ApiGuard, access=access, keys=keys, settings=settings, origins=frozenset(origins), people=people
    )
    app.add_middleware(HealthFirst, fault=lambda: fault(courses.default.application))
    return app


def is_api_path(path: str) -> bool:
    """Return True for a path of the API."""
    return path.startswith(("/v1/", "/api/")) or path in ("/openapi.json", "/metrics", HEALTH)


def _add_errors(app: FastAPI) -> None:
    """Send every error in OpenAI's form."""

    @app.exception_handler(ApiError)
    @app.exception_handler(LecternError)
    async def expected(request: Request, exc: Exception) -> JSONResponse:
        error = api_error(exc)
        return JSONResponse(error.body(), error.status, error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, exc: RequestValidationError) -> JSONResponse:
        error = validation_error(exc.errors())
        return JSONResponse(error.body(), error.status)

    @app.exception_handler(400)
    @app.exception_handler(404)
    @app.exception_handler(405)
    async def other(request: Request, exc: Exception) -> JSONResponse:
        messages = {
            400: ApiError(400, "The body cannot be read as JSON in UTF-8.", "invalid_json"),
            404: ApiError(
                404, "There is nothing at this address; /openapi.json lists the paths.", "not_found"
            ),
            405: ApiError(405, f"{request.method} is not possible here; see /openapi.json.", "wrong_method"),
        }
        error = messages[int(getattr(exc, "status_code", 400))]
        return JSONResponse(error.body(), error.status, getattr(exc, "headers", None))


def _add_openai_paths(app: FastAPI, service: Service) -> None:
    @app.get("/v1/models", tags=["OpenAI"])
    async def list_models() -> ModelList:
        """List the courses and the embedder as models."""
        return ModelList(data=await service.look_up(lambda: model_cards(service.courses)))

    @app.get("/v1/models/{model:path}", tags=["OpenAI"])
    async def show_model(model: str) -> ModelCard:
        """Describe one model."""
        known = {card.id: card for card in await service.look_up(lambda: model_cards(service.courses))}
        if model not in known:
            raise ApiError(
                404, f"There is no model {model!r}; this server has: {', '.join(known)}.", "model_not_found"
            )
        return known[model]

    @app.post(
        "/v1/chat/completions",
        tags=["OpenAI"],
        response_model=ChatCompletion,
        responses={200: {"content": {MEDIA_TYPE: {"schema": ChatChunk.model_json_schema()}}}},
    )
    async def chat(body: ChatRequest, request: Request) -> Response:
        """Answer the last message from the notes; the citations are in `lectern`."""
        wanted = chat_completions.completion(body, service, request.state.request_id)
        wanted = replace(wanted, asked=replace(wanted.asked, person=_asker(request)))
        if body.stream:
            events = await answered(begun(service.events(wanted.asked)), request)
            return _LEFT if events is None else EventStream(chat_completions.streamed(wanted, events))
        completion = await answered(chat_completions.whole(wanted, service), request)
        return _LEFT if completion is None else _json(completion.model_dump_json())

    @app.post("/v1/embeddings", tags=["OpenAI"])
    async def embed(body: EmbeddingRequest) -> EmbeddingList:
        """Turn texts into vectors of length 1."""
        application = service.courses.default.application
        return await service.look_up(lambda: embeddings.embedded(body, application.embedder))


def _add_note_paths(app: FastAPI, service: Service) -> None:
    @app.post("/api/search", tags=["Notes"], response_model=SearchAnswer)
    async def search(body: SearchRequest, request: Request) -> Response:
        """Return the passages nearest to a question, with the reasons for each."""
        course = service.courses.named(body.course)
        found = await service.search(course, body.question, body.k, body.scope)
        return JSONResponse(found | {"id": request.state.request_id})

    @app.post(
        "/api/ask",
        tags=["Notes"],
        response_model=AnswerRecord,
        responses={200: {"content": {MEDIA_TYPE: {"schema": notes.EVENTS_SCHEMA}}}},
    )
    async def ask(body: AskRequest, request: Request) -> Response:
        """Answer a question with citations.

        As events (`rewritten`, `searched`, `retrieved`, `closest`, `token`, `done`), or as one object with `stream` false."""
        asked = notes.asked(body, service)
        identifier: str = request.state.request_id
        asked = replace(asked, person=_asker(request))
        if body.stream:
            events = await answered(begun(service.events(asked)), request)
            return _LEFT if events is None else EventStream(notes.event_stream(identifier, events))
        answer = await answered(service.answer(asked), request)
        return _LEFT if answer is None else JSONResponse(answer_record(identifier, answer))

    @app.get("/api/status", tags=["Notes"])
    async def status() -> ServiceStatus:
        """Show how many requests run or wait now, did so at most, and may."""
        return service.status()

    @app.get("/api/documents", tags=["Notes"])
    async def documents(course: Annotated[CourseName, Query()] = None) -> DocumentList:
        """List the documents of a course."""
        one = service.courses.named(course)
        return await service.look_up(lambda: notes.listed(one))

    @app.get("/api/documents/{path:path}", tags=["Notes"])
    async def document(path: str, course: Annotated[CourseName, Query()] = None) -> WholeDocument:
        """Return a document with its text and blocks."""
        one = service.courses.named(course)
        return await service.look_up(lambda: notes.whole(one, path))


def _add_metrics(app: FastAPI, service: Service) -> None:
    @app.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        person = request.scope.get(PERSON)
        if isinstance(person, Person) and not person.teaches:
            raise ApiError(
                403, "Your account may not do this; use a key or a teacher's account.", "not_allowed"
            )
        return Response(await service.metrics(), media_type=CONTENT_TYPE)


def _asker(request: Request) -> str:
    """Return the id of the person whose browser asks, empty for anybody else."""
    person = request.scope.get(PERSON)
    return person.id if isinstance(person, Person) else ""


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")
