"""Text that tries to be code is shown as text: in notes, file names, titles, questions and names of courses."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_pages import Visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RUN = "window.broken=1"
XSS = (
    f"<script>{RUN}</script>", f"<img src=x onerror={RUN}>", f"<svg onload={RUN}>", f"<svg/onload={RUN}//",
    f"<body onload={RUN}>", f"<iframe src=javascript:{RUN}>", f"<iframe srcdoc='<script>parent.{RUN}</script>'>",
    f"<a href=javascript:{RUN}>x</a>", f"[x](javascript:{RUN})", f"![x](javascript:{RUN})", f"<javascript:{RUN}>",
    f"[x](data:text/html,<script>{RUN}</script>)", f"![x](x\" onerror=\"{RUN})", f"\"><img src=x onerror={RUN}>",
    f"'><svg onload={RUN}>", f"</textarea><script>{RUN}</script>", f"</title><script>{RUN}</script>",
    f"</template><img src=x onerror={RUN}>", f"</style><script>{RUN}</script>", f"<style>@import 'javascript:{RUN}'</style>",
    f"<details open ontoggle={RUN}>", f"<input autofocus onfocus={RUN}>", f"<video><source onerror={RUN}></video>",
    f"<audio src onerror={RUN}>", f"<marquee onstart={RUN}>", f"<object data=javascript:{RUN}>", f"<embed src=javascript:{RUN}>",
    f"<form><button formaction=javascript:{RUN}>x</button></form>", f"<math><a xlink:href=javascript:{RUN}>x</a></math>",
    f"<svg><script>{RUN}</script></svg>", f"<noscript><p title=\"</noscript><img src=x onerror={RUN}>\">",
    f"<img src=`x`onerror={RUN}>", f"<lectern-math>\\href{{javascript:{RUN}}}{{x}}</lectern-math>",
    f"$\\href{{javascript:{RUN}}}{{x}}$", f"$$\\htmlData{{x=1}}{{y}}\\url{{javascript:{RUN}}}$$", f"{{{{ {RUN} }}}}",
    f"${{{RUN}}}", f"```html\n<script>{RUN}</script>\n```", f"| a |\n|---|\n| <img src=x onerror={RUN}> |",
    f"&lt;img src=x onerror={RUN}&gt; &#60;script&#62;{RUN}&#60;/script&#62;",
)  # fmt: skip


def calm(visit: Visit) -> None:
    """Nothing of the strings ran, and none of them became an element that could."""
    assert visit.page.evaluate("window.broken") is None
    live = "img[onerror], svg[onload], iframe, object, embed, .transcript script, .library script, [href^='javascript:']"
    assert visit.page.locator(live).count() == 0


def test_forty_strings_in_notes_names_questions_and_courses_run_nowhere(visit: Visit, tmp_path: Path) -> None:
    assert len(XSS) == 40
    for number, text in enumerate(XSS):
        name = "".join(c for c in text if c not in "/\0\n")[:60]
        note = f"---\ntitle: {text!r}\n---\n\n# Attack {number} {text}\n\nThe attack {number} is called {text} in the notes.\n"
        (tmp_path / f"{number} {name}.md").write_text(note, encoding="utf-8")
    visit.courses.make("Attacks")
    visit.notes.open()
    visit.notes.add_folder(tmp_path)
    visit.page.wait_for_selector(".report:has-text('40 added')")
    calm(visit)
    visit.ask.open()
    calm(visit)  # the questions to start with are headings of these notes
    for number in (0, 1, 8, 33, 38):
        visit.ask.new_conversation()
        visit.ask.send(f"What is attack {number} called? {XSS[number]}")
        visit.page.wait_for_selector(".exchange:is(.answered, .failed)")
        calm(visit)
        if visit.page.locator(".source[open] [data-action=read]").count():
            visit.page.locator(".source[open] [data-action=read]").first.click()
            visit.page.wait_for_selector(".reader")
            calm(visit)
    visit.ask.scope.click()
    calm(visit)
    visit.page.keyboard.press("Escape")
    # All of them as one question, and as names of a course.
    visit.ask.new_conversation()
    visit.ask.question.fill("\n".join(XSS))
    visit.page.get_by_role("button", name="Ask", exact=True).click()
    visit.page.wait_for_selector(".exchange:is(.answered, .failed)")
    calm(visit)
    for text in XSS:
        visit.courses.open()
        name = " ".join(text.split())[:60]
        visit.page.get_by_label("New name of this course").fill(name)
        visit.page.get_by_role("button", name="Rename", exact=True).click()
        visit.page.wait_for_function(
            "name => document.querySelector('.courses').dataset.course === name", arg=name
        )
        calm(visit)
    visit.courses.open()
    visit.page.get_by_label("New name of this course").fill("Attacks")
    visit.page.get_by_role("button", name="Rename", exact=True).click()
    visit.page.wait_for_selector(".courses summary:has-text('Attacks')")
    visit.courses.remove("Attacks")
    calm(visit)
