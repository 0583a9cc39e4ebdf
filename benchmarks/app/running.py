"""A server of the web app and a browser, for measurements and screenshots."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

COURSE = Path(__file__).resolve().parents[2] / "examples" / "course"
"""The example course."""


@contextmanager
def server(*options: str) -> Iterator[str]:
    """Run `lectern chat` on a free port and give its address."""
    command = [sys.executable, "-m", "ui.cli", "chat", "--port", "0", "--no-browser", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr or ():
            if found := re.search(r"http://\S+", line):
                yield found.group()
                break
        else:
            raise SystemExit("lectern chat ended before it listened")
    finally:
        process.terminate()
        try:
            process.communicate(timeout=120)
        except subprocess.TimeoutExpired:  # on a machine under load
            process.kill()
            process.communicate()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give a Chromium without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = driver.chromium.launch(executable_path=path, args=["--headless", "--no-sandbox"])
        yield browser
        browser.close()


def lectern(*arguments: str) -> None:
    """Run a verb of the command line."""
    subprocess.run([sys.executable, "-m", "ui.cli", *arguments], check=True, capture_output=True)
