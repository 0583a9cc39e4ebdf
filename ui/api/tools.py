"""`lectern mcp`: the notes as tools of the Model Context Protocol.

Source: https://modelcontextprotocol.io/specification
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Annotated, ParamSpec, TypeVar

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field

from rag.errors import LecternError
from rag.events import Done
from rag.types import AnswerKind
from ui.api import notes
from ui.api.courses import Courses
from ui.api.errors import ApiError
from ui.api.note_types import CitedPassage, FoundPassage, WholeDocument
from ui.api.service import found
from ui.logs import installed_version

P = ParamSpec("P")
T = TypeVar("T")
_MOST_HITS = 50
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_INSTRUCTIONS = (
    "These tools read the course notes of one person, on their machine. `ask` returns an answer with citations; cite its "
    "`locator` when you use it. kind `extract` is the closest quotes, not an answer; kind `none` is that the notes do not "
    "say. `search` returns passages, `document` a whole document by its name."
)

Scope = Annotated[
    list[str],
    Field(
        description="parts of the notes: document:NAME, folder:NAME, lecture:NUMBER or tag:NAME; empty for all"
    ),
]
CourseName = Annotated[str, Field(description="name of a course; empty for the default one")]


class SearchResult(BaseModel):
    """The passages nearest to a question, best first."""

    hits: list[FoundPassage]


class AskResult(BaseModel):
    """An answer from the notes, with the passages it cites by number."""

    answer: str
    kind: AnswerKind
    standalone_question: str
    citations: list[CitedPassage]


def mcp_server(courses: Courses) -> MCPServer[None]:
    """Return the server with the tools `search`, `ask` and `document`."""
    server: MCPServer[None] = MCPServer(
        "lectern",
        title="Lectern",
        instructions=_INSTRUCTIONS,
        version=installed_version(),
        log_level="WARNING",
    )

    @server.tool(title="Search the notes", annotations=_READS)
    @_reported
    def search(
        question: Annotated[str, Field(description="a question or words")],
        k: Annotated[int, Field(ge=1, le=_MOST_HITS, description="most passages returned")] = 8,
        scope: Scope = [],  # noqa: B006 - read only; the schema shows it
        course: CourseName = "",
    ) -> SearchResult:
        """Return the passages of the notes nearest to a question, with their places."""
        return SearchResult.model_validate(found(courses.named(course), question, k, scope))

    @server.tool(title="Ask the notes", annotations=_READS)
    @_reported
    def ask(
        question: Annotated[str, Field(description="a question that the notes may answer")],
        scope: Scope = [],  # noqa: B006
        course: CourseName = "",
    ) -> AskResult:
        """Answer a question from the notes, with citations.

        It never answers from general knowledge."""
        one = courses.named(course)
        events = one.chain(one.scope(scope)).stream({"question": question})
        answer = next(event.answer for event in events if isinstance(event, Done))
        return AskResult(
            answer=answer.text,
            kind=answer.kind,
            standalone_question=answer.standalone_question,
            citations=[
                CitedPassage.model_validate(cited, from_attributes=True) for cited in answer.citations
            ],
        )

    @server.tool(title="Read a document", annotations=_READS)
    @_reported
    def document(
        name: Annotated[str, Field(description="a document's name, as `search` and `ask` give it")],
        course: CourseName = "",
    ) -> WholeDocument:
        """Return a document of the notes with its text and blocks."""
        return notes.whole(courses.named(course), name)

    return server


def _reported(tool: Callable[P, T]) -> Callable[P, T]:
    """Return the tool with its expected errors as messages for the model."""

    @wraps(tool)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return tool(*args, **kwargs)
        except (LecternError, ApiError) as exc:
            raise ToolError(str(exc)) from exc

    return run
