"""Characters of symbol fonts, which Office files keep as numbers of the font.

Source of the first table: the Symbol encoding of the PostScript Language Reference, third edition, appendix
E.6. Of Wingdings only the marks that texts use are here.
"""

from __future__ import annotations

_SYMBOL = " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼"
_SYMBOL_HIGH = (
    "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪\ufffd〉∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭"
)
_FONTS = {
    "symbol": dict(enumerate(_SYMBOL, 0x20)) | dict(enumerate(_SYMBOL_HIGH, 0xA0)),
    "wingdings": {
        0x46: "☞", 0x4A: "☺", 0x4C: "☹", 0x6C: "●", 0x6E: "■", 0x6F: "☐", 0x71: "☐", 0x72: "☐", 0x76: "❖", 0x9F: "•",
        0xA7: "▪", 0xA8: "☐", 0xD8: "➢", 0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓", 0xE8: "→", 0xEF: "⇦", 0xF0: "⇨",
        0xF3: "⇔", 0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑",
    },
}  # fmt: skip
UNKNOWN = "\ufffd"
_PRIVATE = 0xF000


def symbol(font: str, code: int) -> str:
    """Return the character of a code of a symbol font, U+FFFD if it is not known."""
    if not 0 <= code < 0x110000 or 0xD800 <= code < 0xE000:
        return UNKNOWN
    inner = code - _PRIVATE if _PRIVATE <= code < _PRIVATE + 0x100 else code
    table = _FONTS.get(font.strip().lower().split()[0] if font.strip() else "symbol")
    if table is not None and inner in table:
        return table[inner]
    return chr(code) if inner == code and not 0xE000 <= code < 0xF900 else UNKNOWN


def without_private(text: str, font: str = "") -> str:
    """Return a run's text with the private characters of a symbol font spelled out."""
    if not any("\uf000" <= character <= "\uf0ff" for character in text):
        return text
    return "".join(
        symbol(font, ord(character)) if "\uf000" <= character <= "\uf0ff" else character for character in text
    )
