"""The second reader: the embedded language model reads the best passages again."""
