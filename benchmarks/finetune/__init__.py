"""Training speed beside TRL's defaults."""
