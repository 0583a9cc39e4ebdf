"""Omissions of an answer in words."""

from __future__ import annotations

from rag.types import Omission, OmissionCode


def omission_text(omission: Omission) -> str:
    """Return what was left out, and for want of what, as a phrase."""
    match omission.code:
        case OmissionCode.PASSAGES_OVER_SETTING:
            return f"{_passages(omission)} did not fit the {omission.limit:,} tokens of answer.passage_tokens"
        case OmissionCode.PASSAGES_OVER_CONTEXT:
            return f"{_passages(omission)} did not fit the model's context"
        case OmissionCode.HISTORY_OVER_SETTING:
            limit = f"the {omission.limit} turns of answer.history_turns"
            return f"{omission.count} earlier messages are more than {limit}"
        case OmissionCode.HISTORY_OVER_CONTEXT:
            return f"{omission.count} earlier messages did not fit the model's context"
        case OmissionCode.HISTORY_OVER_REWRITE:
            return f"{omission.count} earlier messages did not fit the model's context when the question was rewritten"


def _passages(omission: Omission) -> str:
    return f"{omission.count} of {omission.total} passages"
