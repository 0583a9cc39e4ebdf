"""A question to the chunks that match it, best first."""
