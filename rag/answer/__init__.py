"""The steps from a question and its chunks to an answer with citations."""
