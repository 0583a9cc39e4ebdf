"""Gradio's theme for the page: paper, ink and one accent.

The fonts are the system's, so that nothing is fetched.

The components that Gradio draws (text box, upload, tabs, buttons) take their colours from here; what we draw ourselves is
in `static/lectern.css`, which uses the same values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradio.themes import Base

_SANS = ("ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")


def theme() -> Base:
    """Return the theme, light and dark."""
    from gradio.themes import Base, Color, Font
    from gradio.themes.utils.sizes import radius_sm, spacing_md, text_md

    ink = Color(
        "#eef3f1",
        "#d9e6e2",
        "#b5cec7",
        "#87aea4",
        "#568a7e",
        "#2f6b5f",
        "#27594f",
        "#204840",
        "#193832",
        "#122823",
        "#0b1a17",
    )
    paper = Color(
        "#fbfaf7",
        "#f4f2ec",
        "#e6e2d8",
        "#cfc9bb",
        "#a39d8f",
        "#6f6a5f",
        "#545048",
        "#3d3a34",
        "#2a2824",
        "#1e1d1a",
        "#151412",
    )
    base = Base(
        primary_hue=ink,
        secondary_hue=ink,
        neutral_hue=paper,
        text_size=text_md,
        spacing_size=spacing_md,
        radius_size=radius_sm,
        font=[Font(name) for name in _SANS],
        font_mono=[Font(name) for name in _MONO],
    )
    return base.set(
        body_background_fill="#f7f5ef",
        body_background_fill_dark="#171613",
        body_text_color="#26241f",
        body_text_color_dark="#e9e5da",
        background_fill_primary="#fffdf8",
        background_fill_primary_dark="#1f1e1a",
        block_background_fill="#fffdf8",
        block_background_fill_dark="#1f1e1a",
        block_border_color="#ddd8cb",
        block_border_color_dark="#3b3932",
        block_shadow="none",
        input_background_fill="#fffdf8",
        input_background_fill_dark="#1f1e1a",
        input_border_color="#8f897b",
        input_border_color_dark="#7d776a",
        input_border_color_focus="#2f6b5f",
        input_border_color_focus_dark="#87b8ab",
        button_primary_background_fill="#2f6b5f",
        button_primary_background_fill_hover="#27594f",
        button_primary_background_fill_dark="#2f6b5f",
        button_primary_text_color="#ffffff",
        button_secondary_background_fill="transparent",
        button_secondary_background_fill_dark="transparent",
        button_secondary_border_color="#b9b3a4",
        button_secondary_border_color_dark="#56524a",
    )
