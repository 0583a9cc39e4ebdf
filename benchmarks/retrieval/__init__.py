"""Retrieval quality, latency and memory beside the usual recipe."""
