"""Texts of any length for prompts that have nothing in common."""

from __future__ import annotations

SENTENCES = (
    "The sampling theorem says that a signal without content above half the sampling rate can be reconstructed.",
    "A median filter removes single outliers but keeps edges, which a moving average would smear.",
    "Quantisation noise falls by six decibels with every bit of the converter.",
    "The thermistor's resistance falls with temperature, and its calibration drifts by a tenth of a kelvin a year.",
    "Uncertainties of independent measurements add in quadrature.",
)


def long_text(number: int, sentences: int = 60) -> str:
    """A text of its own for every number."""
    return " ".join(
        f"({number}.{at}) {SENTENCES[(number + at * at) % len(SENTENCES)]}" for at in range(sentences)
    )
