"""Answers in a fixed form: JSON schemas as grammars and token masks."""
