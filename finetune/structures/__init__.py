"""Training of the choice of the list or table that a question asks for."""
