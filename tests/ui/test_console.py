"""Text of notes on a terminal: nothing in it is taken for markup."""

from __future__ import annotations

import pytest
from rich.table import Table

from ui.console import log_console, result_console

NOTE = "The slice a[:end:] and [bold]key[/bold], [red] and :package: stay; :link: too."


@pytest.mark.parametrize("console", [result_console, log_console])
def test_text_that_looks_like_markup_is_printed_as_it_is(
    console: type, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Table("text", box=None)
    table.add_row(NOTE)
    made = console()
    made.width = 200
    made.print(NOTE, style="dim")
    made.print(table)
    printed = "".join(capsys.readouterr())
    assert printed.count(NOTE) == 2
