"""Evaluation speed beside Ragas' own `evaluate`."""
