"""Documents, sentences and words of a text."""
