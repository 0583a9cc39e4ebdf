"""Training rows that teach a model to answer from passages."""
