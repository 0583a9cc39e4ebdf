"""Answers to fixed sets of questions, graded by code."""
