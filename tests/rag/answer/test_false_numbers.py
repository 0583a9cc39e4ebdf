"""Numbers of files that are not the numbers of what a question names."""

from rag.answer.scope_in_words import named_by_number
from rag.answer.tiers import is_better
from rag.types import Tier

SETUP = "# Set-up\n\nInstall Python and open a notebook."
PLAN = "# Plan\n\n- Session 1: Lists and loops (3 May).\n- Session 2: Regression (10 May)."


def test_a_file_number_is_no_session_where_the_notes_list_the_sessions(make_notes):
    notes = make_notes({"000_plan.md": PLAN, "001_set-up.md": SETUP, "002_more.md": "# More\n\nReading."})
    assert named_by_number("When was session 1?", notes) is None
    assert named_by_number("What is session 2 about?", notes) is None


def test_a_file_number_names_the_file_where_nothing_else_has_it(make_notes):
    notes = make_notes(
        {"01-lists.md": "# Lists\n\nA list is ordered.", "02-regression.md": "# Regression\n\nA line."}
    )
    named = named_by_number("What was session 1 about?", notes)
    assert named is not None and named.documents == ("01-lists.md",)


def test_a_file_that_calls_itself_so_keeps_its_number(make_notes):
    notes = make_notes(
        {"01-lists.md": "# Lists\n\nWelcome to session 1 on lists.", "02-lines.md": "# Lines\n\nA line."}
    )
    named = named_by_number("What was session 1 about?", notes)
    assert named is not None and named.documents == ("01-lists.md",)


def test_tiers_are_ordered():
    assert is_better(Tier.EXTRACT, Tier.NONE)
    assert is_better(Tier.ANSWER, Tier.EXTRACT)
    assert not is_better(Tier.NONE, Tier.NONE)


def test_a_whole_path_names_one_of_several_files_of_a_name(make_notes):
    notes = make_notes({"rocks/index.md": "# Rocks\n\nHard.", "tides/index.md": "# Tides\n\nWet."})
    named = named_by_number("Summarise tides/index.md", notes)
    assert named is not None and named.documents[0].endswith("tides/index.md") and len(named.documents) == 1
    both = named_by_number("Summarise index.md", notes)
    assert both is not None and len(both.documents) == 2
