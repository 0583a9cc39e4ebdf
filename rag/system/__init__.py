"""Files, processes and caches: what the rest asks of the operating system and libraries."""
