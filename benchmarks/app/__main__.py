"""Waiting times of the web app in real browsers, against a real server.

`python -m benchmarks.app [--model NAME] [--adapter NAME] [--browsers N] [--repeats N]`. It ingests the example
course into a temporary library, starts `lectern chat`, and prints a JSON line for each figure: passages and first word
after Enter, the end after Stop while the prompt is read, static files meanwhile, and the first passage of
several browsers that ask at once. The browsers run on the same machine and take their share of it. Needs
Playwright and a Chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.app.running import COURSE, chromium, lectern, server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

GOLDEN = COURSE.parent / "golden.jsonl"
# Times are taken in the page, so that the way to this process is no part of them.
_WATCH = """() => {
  window.times = {};
  const now = () => performance.now();
  const newest = () => document.querySelector('.transcript .exchange:last-of-type');
  let before = null;
  addEventListener('keydown', (event) => {
    if (event.key === 'Enter') { before = newest()?.dataset.exchange; window.times = { asked: now() }; }
  }, true);
  window.stop_now = () => { if (document.querySelector('.exchange.pending')) window.times.stop = now(); document.querySelector('#stop')?.click(); };
  new MutationObserver(() => {
    const last = newest();
    if (!last || !window.times.asked || last.dataset.exchange === before) return;
    const seen = (name, there) => { if (there && !(name in window.times)) window.times[name] = now(); };
    seen('passages', document.querySelector(`.sources[data-exchange="${last.dataset.exchange}"] .source`));
    seen('word', last.querySelector('.answer .caret'));
    seen('stopped', last.classList.contains('stopped'));
    seen('answered', last.classList.contains('answered'));
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--adapter", default=None, help="`none` lets the embedded model write")
    parser.add_argument("--browsers", type=int, default=8, help="browsers that ask at once")
    parser.add_argument("--repeats", type=int, default=5, help="questions of one browser alone")
    given = parser.parse_args()
    adapter = given.adapter or ("none" if given.model == "embedded" else None)
    options = ["--model", given.model, *(["--adapter", adapter] if adapter else [])]
    print(json.dumps({"model": given.model, "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 2)}))
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        library = str(Path(folder) / "library")
        lectern("ingest", str(COURSE), "--library", library)
        with server("--library", library, *options) as address:
            alone(browser, address, given.repeats)
            together(browser, address, given.browsers)


def alone(browser: Browser, address: str, repeats: int) -> None:
    """Measure one browser: passages, first word, Stop, and files meanwhile."""
    page = _page(browser, address)
    questions = _questions(2 * repeats)
    asked = [_asked(page, question) for question in questions[:repeats]]
    _print("passages after Enter", [times["passages"] for times in asked if "passages" in times])
    _print("first word after Enter", [times["word"] for times in asked if "word" in times])
    stops, files = [], []
    for question in questions[repeats:]:
        with _fetching(f"{address}/lectern/static/lectern.js") as seconds:
            times = _stopped(page, question)
        files += seconds
        if "stop" in times and "stopped" in times:
            stops.append(times["stopped"] - times["stop"])
    _print("Stop while the prompt is read", stops)
    _print("static file meanwhile", files)
    page.context.close()


def together(browser: Browser, address: str, browsers: int) -> None:
    """Measure several browsers that ask within one moment."""
    pages = [_page(browser, address) for _ in range(browsers)]
    for page, question in zip(pages, _questions(browsers), strict=True):
        page.get_by_role("textbox", name="Question").fill(question)
    for page in pages:
        page.locator("#question textarea").press("Enter", no_wait_after=True)
    times = [_ended(page) for page in pages]
    _print(f"first passage, {browsers} browsers at once", [t["passages"] for t in times if "passages" in t])
    _print(f"whole answer, {browsers} browsers at once", [t["answered"] for t in times if "answered" in t])
    for page in pages:
        page.context.close()


def _questions(count: int) -> list[str]:
    """Return questions that the course answers, the same ones in every run."""
    lines = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
    answerable = [line["question"] for line in lines if line["gold"] and not line.get("history")]
    return answerable[:count]


def _asked(page: Page, question: str) -> dict[str, float]:
    page.get_by_role("textbox", name="Question").fill(question)
    page.keyboard.press("Enter")
    return _ended(page)


def _stopped(page: Page, question: str) -> dict[str, float]:
    """Ask, and stop as soon as the passages are there and the model reads."""
    page.get_by_role("textbox", name="Question").fill(question)
    page.keyboard.press("Enter")
    page.wait_for_function("'passages' in window.times || 'answered' in window.times", timeout=120_000)
    page.evaluate("window.stop_now()")
    return _ended(page)


def _ended(page: Page) -> dict[str, float]:
    """Return the seconds since Enter of everything that was seen."""
    page.wait_for_function("'answered' in window.times || 'stopped' in window.times", timeout=300_000)
    times: dict[str, float] = page.evaluate("window.times")
    return {name: (at - times["asked"]) / 1000 for name, at in times.items()}


def _page(browser: Browser, address: str) -> Page:
    page = browser.new_context().new_page()
    page.goto(address)
    page.wait_for_selector(".status.ready", timeout=300_000)
    page.wait_for_selector(".welcome, .exchange")
    page.evaluate(_WATCH)
    return page


@contextmanager
def _fetching(url: str) -> Iterator[list[float]]:
    """Fetch a file again and again meanwhile; the list gets the seconds of each."""
    seconds: list[float] = []
    done = threading.Event()

    def work() -> None:
        while not done.wait(0.05):
            started = time.perf_counter()
            urllib.request.urlopen(url, timeout=60).read()
            seconds.append(time.perf_counter() - started)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield seconds
    finally:
        done.set()
        thread.join()


def _print(measure: str, seconds: Sequence[float]) -> None:
    row: dict[str, Any] = {"measure": measure, "n": len(seconds)}
    if seconds:
        ordered = sorted(seconds)
        row |= {
            "median_seconds": round(statistics.median(ordered), 3),
            "p95_seconds": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 3),
            "most_seconds": round(ordered[-1], 3),
        }
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
