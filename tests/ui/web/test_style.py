"""The page's colours can be read (WCAG 2.2, level AA), and its files name nothing outside."""

from __future__ import annotations

import re

import pytest

from ui.web.server import STATIC

CSS = (STATIC / "lectern.css").read_text(encoding="utf-8")
TEXT_PAIRS = [
    ("ink", "paper"), ("ink", "sheet"), ("ink", "accent-wash"), ("quiet", "paper"), ("quiet", "sheet"),
    ("quiet", "accent-wash"), ("accent", "paper"), ("accent", "sheet"), ("accent", "accent-wash"), ("paper", "accent"),
    ("warn", "paper"), ("warn", "warn-wash"), ("ink", "warn-wash"), ("mark-ink", "mark"),
]  # fmt: skip
BORDER_PAIRS = [("strong-line", "paper"), ("strong-line", "sheet"), ("accent", "paper")]


def colours(block: str) -> dict[str, str]:
    found = re.search(rf"{re.escape(block)} {{(.*?)}}", CSS, re.DOTALL)
    assert found is not None
    return dict(re.findall(r"--l-([\w-]+): (#[0-9a-f]{6});", found[1]))


def luminance(colour: str) -> float:
    """Source: WCAG 2.2, definition of relative luminance."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_measure_itself() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("block", [":root", ".dark"])
def test_text_has_a_contrast_of_four_and_a_half(block: str) -> None:
    palette = colours(block)
    for text, ground in TEXT_PAIRS:
        assert contrast(palette[text], palette[ground]) >= 4.5, (text, ground)
    for line, ground in BORDER_PAIRS:
        assert contrast(palette[line], palette[ground]) >= 3, (line, ground)


def test_nothing_is_fetched_from_elsewhere() -> None:
    for file in STATIC.iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|//[\w-]+\.\w+/|@import", text), file.name
