"""Which parts of the notes the page offers, what several of them hold together, and how they are drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from rag.errors import QuestionError
from rag.library.rows import DocumentRecord
from rag.search.scope import Scope
from rag.types import DocumentKind
from ui.web.scope_choice import ScopeChoice, choices, from_browser, name_of, scope_of, toggled
from ui.web.views.scope_view import scope_html, scope_line_html, scope_rows

PATHS = ("README.md", "week-1/README.md", "week-1/lab/setup.md", "week-10/README.md", "week-[2]/intro.md")


def record(path: str, title: str = "") -> DocumentRecord:
    return DocumentRecord(path, title or path, DocumentKind.MARKDOWN, "", 0, 0, 1, "", (), (), "")


RECORDS = [record(path) for path in PATHS]


def inside(*chosen: str) -> list[str]:
    scope = scope_of(chosen)
    return [one.path for one in RECORDS if scope.includes(one)]


def test_folders_come_first_then_documents_by_their_names() -> None:
    found = choices([record("b/two.md", "Two"), record("b/one/x.md"), record("a.md")], ["document:/a.md"])
    assert found == (
        ScopeChoice("folder:b", "b/", "2 documents"),
        ScopeChoice("folder:b/one", "b/one/", "1 document"),
        ScopeChoice("document:/a.md", "a.md", "", chosen=True),
        ScopeChoice("document:/b/one/x.md", "b/one/x.md", ""),
        ScopeChoice("document:/b/two.md", "b/two.md", "Two"),
    )


def test_a_folder_of_all_documents_limits_nothing_and_is_not_offered() -> None:
    course = [record("course/a.md"), record("course/b.md")]
    assert [choice.name for choice in choices(course, [])] == ["course/a.md", "course/b.md"]
    assert [choice.name for choice in choices(course, ["folder:course"]) if choice.chosen] == ["course/"]


def test_with_one_document_there_is_nothing_to_choose_and_what_is_gone_can_be_taken_back() -> None:
    assert choices([record("a.md")], []) == ()
    assert choices([], ["folder:b"]) == (ScopeChoice("folder:b", "b/", "not in the library any more", True),)


def test_a_click_adds_and_a_second_one_takes_back() -> None:
    both = toggled(toggled((), "folder:a"), "document:/b.md")
    assert both == ("folder:a", "document:/b.md")
    assert toggled(both, "folder:a") == ("document:/b.md",)
    assert toggled(both, "") == ()


def test_what_is_chosen_is_just_that_and_several_parts_are_any_of_them() -> None:
    assert inside() == list(PATHS)
    assert inside("document:/README.md") == ["README.md"]
    assert inside("folder:week-1") == ["week-1/README.md", "week-1/lab/setup.md"]
    assert inside("folder:week-1/lab", "folder:week-10") == ["week-1/lab/setup.md", "week-10/README.md"]
    assert inside("folder:week-1", "document:/README.md", "folder:week-[2]") == [
        "README.md", "week-1/README.md", "week-1/lab/setup.md", "week-[2]/intro.md",
    ]  # fmt: skip
    assert scope_of(["folder:week-1"]) == Scope(folders=("week-1",))
    assert scope_of(["document:/ spaced .md "]) == Scope(documents=("/ spaced .md ",))
    with pytest.raises(QuestionError, match="expected document:NAME"):
        scope_of(["folder:"])


def test_what_a_tab_kept_is_taken_only_if_it_is_a_choice() -> None:
    assert from_browser('["folder:ä", "document:/b.md"]') == ("folder:ä", "document:/b.md")
    for kept in ("", "[", "{}", "7", "[7]", "null"):
        assert from_browser(kept) == ()


@pytest.mark.parametrize(
    ("text", "name"),
    [("folder:week-1", "week-1/"), ("document:/a.md", "a.md"), ("document:a:b.md", "a:b.md")],
)
def test_names(text: str, name: str) -> None:
    assert name_of(text) == name


def pressed(html: str) -> list[str]:
    return re.findall(r'data-part="([^"]*)" aria-pressed="true"', html)


def drawn(*chosen: str, records: Sequence[DocumentRecord] = RECORDS, opened: bool = False) -> str:
    return scope_html(choices(records, chosen), opened)


def test_all_notes_is_what_is_said_until_a_part_is_chosen() -> None:
    html = drawn()
    assert "About: <strong>all notes</strong>" in html
    assert pressed(html) == [""]
    assert 'data-scope="[]"' in html
    assert "limited" not in html
    assert "widen" not in html
    assert drawn(records=[]) == ""


def test_what_is_chosen_is_named_and_can_be_given_up() -> None:
    html = drawn("folder:week-1", "document:/README.md", opened=True)
    assert "Only about: <strong>week-1/</strong> and 1 more</summary>" in html
    assert 'title="week-1/, README.md"' in html
    assert pressed(html) == ["folder:week-1", "document:/README.md"]
    assert 'data-action="widen"' in html
    assert "<details open>" in html
    assert 'data-scope="[&#34;folder:week-1&#34;, &#34;document:/README.md&#34;]"' in html


def test_many_parts_are_found_by_their_letters() -> None:
    many = [record(f"{number:02}.md") for number in range(10)]
    assert '<input type="search"' in drawn(records=many)
    assert "<input" not in drawn(records=many[:-1])


def test_a_notes_name_is_text_only() -> None:
    html = drawn("document:/<b>.md", records=[record("<b>.md", "<i>"), record("c.md")])
    assert "<b>" not in html + scope_line_html(["<b>.md"])
    assert "<i>" not in html
    assert scope_line_html([]) == ""


def test_folders_and_documents_are_a_tree_and_what_is_inside_a_chosen_folder_is_included() -> None:
    rows = scope_rows(choices(RECORDS, ["folder:week-1"]))
    assert [(row.depth, row.label, row.within) for row in rows] == [
        (0, "week-1/", ""),
        (1, "lab/", "week-1/"),
        (2, "setup.md", "week-1/"),
        (1, "README.md", "week-1/"),
        (0, "week-10/", ""),
        (1, "README.md", ""),
        (0, "week-[2]/", ""),
        (1, "intro.md", ""),
        (0, "README.md", ""),
    ]
    html = drawn("folder:week-1")
    assert html.count("included with week-1/") == 3
    assert '<span class="spoken">week-1/lab/</span>setup.md' in html
