"""The HTTP API beside the chain in process, and under load."""
