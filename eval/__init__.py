"""Golden questions to metrics with confidence intervals, offline."""
