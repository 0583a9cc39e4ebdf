"""The log of questions in figures and words: refusals, topics, drift."""
