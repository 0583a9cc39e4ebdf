"""Quizzes with checked keys, cards, a glossary and exports, made from the notes."""
