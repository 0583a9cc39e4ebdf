"""Evidence scorer: its training data, its training, and its export."""
