"""Files, processes and caches, as the system and libraries give them."""
