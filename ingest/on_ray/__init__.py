"""An ingest whose notes are read and embedded on a Ray cluster.

The calling process saves them. Only functions in this package import Ray.
"""
