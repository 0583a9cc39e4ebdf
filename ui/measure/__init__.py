"""Evaluation at the command line: runs, judges, sweeps and golden questions."""
