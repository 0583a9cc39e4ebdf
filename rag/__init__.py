"""A question and its history to an answer with citations: the core of Lectern."""
