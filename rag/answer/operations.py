"""Words that ask for the largest, the smallest or the sum of several numbers."""

from __future__ import annotations

from rag.text.words import stem

LARGEST = frozenset(
    """highest most largest biggest greatest maximum max longest latest best heaviest widest fastest strongest top dearest
    höchste höchsten höchster größte größten größter meiste meisten längste maximal mayor mayores máximo máxima más
    plus maximum maximale grand élevé""".split()
)
SMALLEST = frozenset(
    """lowest least smallest fewest minimum min shortest earliest cheapest lightest narrowest slowest weakest worst
    niedrigste niedrigsten kleinste kleinsten wenigsten kürzeste billigste günstigste minimal menor menores mínimo mínima menos
    moins minimale petit bas""".split()
)
SUM = frozenset(
    "together total sum altogether combined zusammen insgesamt summe gesamt juntos suma ensemble somme totalement".split()
)
OPERATION_STEMS = frozenset(map(stem, LARGEST | SMALLEST | SUM))
"""Stems of all of them. They say what to do with a column and name none."""
