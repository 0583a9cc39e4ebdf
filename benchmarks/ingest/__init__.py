"""Ingest speed beside the usual recipe."""
