r"""Quantities of siunitx as people read them: `\SI{5}{\kilo\gram}` is `5 kg`."""

from __future__ import annotations

import re

_UNIT = r"\{((?:[^{}]|\{[^{}]*\})*)\}"
_QUANTITY = re.compile(
    rf"\\(?:SI|qty|SIrange|qtyrange)\s*(?:\[[^\]]*\])?\s*{_UNIT}\s*(?:\[[^\]]*\])?\s*{_UNIT}"
)
_ALONE = re.compile(rf"\\(num|si|unit|ang)\s*(?:\[[^\]]*\])?\s*{_UNIT}")
_MACRO = re.compile(r"\\([A-Za-z]+)\s*(?:\{([^{}]*)\})?")
_SIGNS = {
    "yocto": "y", "zepto": "z", "atto": "a", "femto": "f", "pico": "p", "nano": "n", "micro": "µ", "milli": "m", "centi": "c",
    "deci": "d", "deca": "da", "hecto": "h", "kilo": "k", "mega": "M", "giga": "G", "tera": "T", "peta": "P",
    "metre": "m", "meter": "m", "second": "s", "gram": "g", "kilogram": "kg", "ampere": "A", "kelvin": "K", "mole": "mol", "candela": "cd",
    "hertz": "Hz", "newton": "N", "pascal": "Pa", "joule": "J", "watt": "W", "volt": "V", "ohm": "Ω", "farad": "F", "henry": "H",
    "tesla": "T", "weber": "Wb", "coulomb": "C", "siemens": "S", "lumen": "lm", "lux": "lx", "becquerel": "Bq", "sievert": "Sv",
    "litre": "L", "liter": "L", "minute": "min", "hour": "h", "day": "d", "electronvolt": "eV", "bar": "bar", "degree": "°",
    "celsius": "°C", "degreeCelsius": "°C", "percent": "%", "bit": "bit", "byte": "B", "decibel": "dB", "gray": "Gy", "radian": "rad",
    "squared": "²", "cubed": "³", "square": "²", "cubic": "³", "per": "/", "kg": "kg", "km": "km", "cm": "cm", "mm": "mm", "ms": "ms",
}  # fmt: skip
_PREFIXES = frozenset(
    "yocto zepto atto femto pico nano micro milli centi deci deca hecto kilo mega giga tera peta".split()
)


def with_units(source: str) -> str:
    """Return the source with quantities, numbers and units written out."""
    source = _QUANTITY.sub(lambda match: f"{match[1]}~{unit_text(match[2])}", source)
    return _ALONE.sub(lambda match: _alone(match[1], match[2]), source)


def unit_text(source: str) -> str:
    r"""Return a unit as it is printed: `\metre\per\second\squared` is `m/s²`."""
    pieces: list[str] = []
    power, after_prefix = "", False
    for name, argument in _MACRO.findall(source):
        if name in {"square", "cubic"}:
            power = _SIGNS[name]
            continue
        sign = f"^{argument}" if name in {"tothe", "raiseto"} else _SIGNS.get(name, name)
        is_unit = sign not in {"/", "²", "³"} and not sign.startswith("^")
        if is_unit and pieces and not after_prefix and pieces[-1] != "/":
            pieces.append("·")
        after_prefix = name in _PREFIXES
        pieces.append(sign)
        if is_unit and not after_prefix:
            pieces.append(power)
            power = ""
    pieces = [piece for piece in pieces if piece]
    rest = _MACRO.sub("", source).replace(".", "·").replace("~", "·").strip()
    return "".join(pieces) + rest


def _alone(macro: str, text: str) -> str:
    if macro in {"si", "unit"}:
        return unit_text(text)
    return f"{text}°" if macro == "ang" else text
