"""Golden questions in, measurements with uncertainty out; offline, and from `rag` alone."""
