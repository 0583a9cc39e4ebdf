"""The library: documents, chunks and vectors in one SQLite file."""
