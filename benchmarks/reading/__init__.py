"""The share of what files say that a search finds, beside other converters."""
