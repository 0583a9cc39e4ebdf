"""Spaced repetition with FSRS, the Free Spaced Repetition Scheduler.

Source: the package `fsrs` (github.com/open-spaced-repetition/py-fsrs), whose default parameters were fitted on
reviews of Anki's users.
"""

from __future__ import annotations

import json
from datetime import datetime
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fsrs import Card, Scheduler


class Grade(IntEnum):
    """A reader's own judgement of a card; the numbers are those of FSRS."""

    AGAIN = 1
    HARD = 2
    GOOD = 3
    EASY = 4


def new_card(now: datetime) -> str:
    """Return the state of a card that was never shown, as JSON."""
    from fsrs import Card

    return json.dumps(Card(card_id=0, due=now).to_dict())


def reviewed(state: str, grade: Grade, now: datetime) -> tuple[str, datetime]:
    """Return the state of a card after a review, and when it is due next."""
    from fsrs import Rating

    card, _ = _scheduler().review_card(_card(state), Rating(int(grade)), now)
    return json.dumps(card.to_dict()), card.due


def retrievability(state: str, now: datetime) -> float:
    """Return the probability that a card is remembered now, 0 if never shown."""
    card = _card(state)
    return float(_scheduler().get_card_retrievability(card, now)) if card.last_review else 0.0


def _card(state: str) -> Card:
    from fsrs import Card

    return Card.from_dict(json.loads(state))


@cache
def _scheduler() -> Scheduler:
    """The scheduler without random intervals, so that a plan can be foreseen."""
    from fsrs import Scheduler

    return Scheduler(enable_fuzzing=False)
