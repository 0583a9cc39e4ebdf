"""The same formula in LaTeX, Unicode and plain text is one text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.notation import plain_notation


@pytest.mark.parametrize(
    ("forms", "expected"),
    [
        (["$10^{8}$", "10⁸", "10^8", r"\(10^8\)"], "10^8"),
        ([r"2 \cdot 10^{8}\ \text{m/s}", "2·10⁸ m/s", "2*10^8 m/s", "2 × 10^8 m/s"], "2*10^8 m/s"),
        ([r"\frac{TP}{TP+FP}", "TP/(TP+FP)", "TP / (TP+FP)"], "TP/(TP+FP)"),
        ([r"$\alpha_{i} \leq \lambda$", "α_i ≤ λ", "α_i≤λ"], "α_i≤λ"),
        ([r"\sqrt{d_{k}}", "√d_k"], "√d_k"),
        (["x₁² − 4", "x_1^2 - 4", "$x_{1}^{2} - 4$"], "x_1^2 - 4"),
        (["≥ 60 %", r"$\geq$ 60 %"], "≥60 %"),
    ],
)
def test_forms_of_one_formula(forms: list[str], expected: str) -> None:
    assert {plain_notation(form) for form in forms} == {expected}


def test_prose_keeps_its_words() -> None:
    assert plain_notation("The exam (90 minutes) is on 5 May.") == "The exam (90 minutes) is on 5 May."


@given(st.text(max_size=60))
def test_any_text_is_taken_and_grows_little(text: str) -> None:
    assert len(plain_notation(text)) <= 2 * len(text)
