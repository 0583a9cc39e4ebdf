"""Metrics of retrieval and answers, with confidence intervals."""
