"""Benchmarks that `make bench-*` runs, one folder each."""
