"""Metrics by a language model as judge."""
