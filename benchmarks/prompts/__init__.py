"""Prompts for models that follow instructions, compared."""
