"""Measures study items: how many, how good by labels made by hand, and how fast."""
