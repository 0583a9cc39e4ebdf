"""Messages of a conversation as LangChain's."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from rag.types import Role, Turn

_KINDS: dict[Role, type[BaseMessage]] = {
    Role.SYSTEM: SystemMessage,
    Role.USER: HumanMessage,
    Role.ASSISTANT: AIMessage,
}


def to_messages(turns: Sequence[Turn]) -> list[BaseMessage]:
    """Return messages of a conversation as LangChain's, in order."""
    return [_KINDS[turn.role](turn.content) for turn in turns]
